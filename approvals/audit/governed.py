"""Which tables the database itself writes about, and the trigger that does it.

A trigger and not a manager of the ORM: it sees `QuerySet.update`, `bulk_create`, the admin's bulk
delete, a cascade and a statement typed into psql alike. Who did it is told to it by `acting`.
"""

from __future__ import annotations

_EVERY = "INSERT OR UPDATE OR DELETE"

# Every table of tenants' apps that configures something or decides who may what, and those whose
# deletion is to be on record. A test compares them with the triggers that there are.
GOVERNED = frozenset(
    {
        "accounts_apikey",
        "accounts_invitation",
        "accounts_member",
        "accounts_member_groups",
        "accounts_tokenfamily",
        "agents_agent",
        "agents_agent_run_roles",
        "agents_promptsetting",
        "agents_revision",
        "agents_run",
        "agents_session",
        "agents_team",
        "agents_team_run_roles",
        "agents_teammember",
        "agents_tenantguardrail",
        "approvals_approval",
        "approvals_decision",
        "approvals_delegation",
        "approvals_grant",
        "auth_group",
        "limits_defaultlimits",
        "limits_memberlimits",
        "providers_chatmodel",
        "providers_fallback",
        "providers_modelsettings",
        "providers_provider",
        "workflows_workflow",
        "workflows_workflow_run_roles",
    }
)

# Shared tables, whose changes are in the platform's log.
GOVERNED_SHARED = frozenset({"tenants_tenant", "tenants_domain"})


def govern(
    table: str,
    noun: str,
    *,
    named_by: str = "id",
    left_out: str = "",
    secret: str = "",
    turns: str = "",
    events: str = _EVERY,
) -> tuple[str, str]:
    """Statements for a migration that put `table` on record, and that take it off again.

    `noun` begins the action's code: "grant" gives grant.created, grant.changed, grant.deleted.
    The others list columns by commas: those whose first filled one names the row; those that are
    nobody's doing, a change of which alone is no entry; those of which only is said that they are
    set; and `turns`, "revoked_at:revoked": where the column is filled, that is the verb.
    """
    arguments = ", ".join(f"'{part}'" for part in (noun, named_by, left_out, secret, turns))
    return (
        f"CREATE TRIGGER audited AFTER {events} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION approvals_audit_row({arguments});",
        f"DROP TRIGGER audited ON {table};",
    )
