"""The sidebar and the header: what a member of this tenant, or of the platform, may go to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from agents.admin.scoped import may
from agents.desk.seed import has_data
from tenants.accounts.scopes import Scope

# Title, icon, url name, and the scope it needs, or scopes of which one is enough.
Entry = tuple[str, str, str, Scope | tuple[Scope, ...]]

_QUEUE = "admin:approvals_approval_changelist"

_TENANT: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    ("", (("Overview", "space_dashboard", "admin:index", Scope.CONSOLE_USE),)),
    (
        "Agents",
        (
            ("Agents", "smart_toy", "admin:agents_agent_changelist", Scope.AGENTS_READ),
            ("Teams", "groups", "admin:agents_team_changelist", Scope.AGENTS_READ),
            (
                "Workflows",
                "account_tree",
                "admin:workflows_workflow_changelist",
                Scope.AGENTS_READ,
            ),
            ("Revisions", "history", "admin:agents_revision_changelist", Scope.AGENTS_READ),
            (
                "Prompt settings",
                "data_object",
                "admin:agents_promptsetting_changelist",
                Scope.AGENTS_WRITE,
            ),
            (
                "Guardrails",
                "shield",
                "admin:agents_tenantguardrail_changelist",
                Scope.AGENTS_READ,
            ),
        ),
    ),
    (
        "Governance",
        (
            ("Approvals", "approval", _QUEUE, (Scope.APPROVALS_DECIDE, Scope.AUDIT_READ)),
            ("Grants", "rule", "admin:approvals_grant_changelist", Scope.GRANTS_READ),
            ("Permissions", "grid_on", "admin:approvals_grant_permissions", Scope.GRANTS_READ),
            (
                "Lent duties",
                "swap_horiz",
                "admin:approvals_delegation_changelist",
                Scope.GRANTS_READ,
            ),
            ("Audit log", "policy", "admin:approvals_auditentry_changelist", Scope.AUDIT_READ),
        ),
    ),
    (
        "Models",
        (
            ("Models", "neurology", "admin:providers_chatmodel_changelist", Scope.PROVIDERS_READ),
            ("Providers", "cloud", "admin:providers_provider_changelist", Scope.PROVIDERS_READ),
            (
                "Default and currency",
                "tune",
                "admin:providers_modelsettings_changelist",
                Scope.PROVIDERS_READ,
            ),
        ),
    ),
    (
        "Activity",
        (
            ("Runs", "play_circle", "admin:agents_run_changelist", Scope.RUNS_READ_ALL),
            ("Sessions", "forum", "admin:agents_session_changelist", Scope.SESSIONS_READ_ALL),
            (
                "Usage and limits",
                "data_usage",
                "admin:limits_memberuse_changelist",
                Scope.USAGE_READ_ALL,
            ),
        ),
    ),
    (
        "People",
        (
            ("Members", "group", "admin:accounts_member_changelist", Scope.MEMBERS_READ),
            (
                "Service accounts",
                "key",
                "admin:accounts_serviceaccount_changelist",
                Scope.MEMBERS_READ,
            ),
            ("Invitations", "mail", "admin:accounts_invitation_changelist", Scope.MEMBERS_READ),
            ("Roles", "badge", "admin:accounts_role_changelist", Scope.MEMBERS_READ),
        ),
    ),
)

# Only of a tenant that has something there: the showcase agents' tables.
_DESK: tuple[str, tuple[Entry, ...]] = (
    "Service desk",
    (
        ("Services", "dns", "admin:desk_service_changelist", Scope.DESK_READ),
        ("Restarts", "restart_alt", "admin:desk_restart_changelist", Scope.DESK_READ),
        (
            "Support tickets",
            "confirmation_number",
            "admin:desk_supportticket_changelist",
            Scope.DESK_READ,
        ),
        ("Customers", "storefront", "admin:desk_customer_changelist", Scope.DESK_READ),
        ("Orders", "receipt_long", "admin:desk_order_changelist", Scope.DESK_READ),
        ("Refunds", "currency_exchange", "admin:desk_refund_changelist", Scope.DESK_READ),
        ("Credits", "add_card", "admin:desk_credit_changelist", Scope.DESK_READ),
        (
            "Deleted accounts",
            "person_remove",
            "admin:desk_accountdeletion_changelist",
            Scope.DESK_READ,
        ),
        ("Exports", "file_export", "admin:desk_customerexport_changelist", Scope.DESK_READ),
        ("Reports", "description", "admin:desk_report_changelist", Scope.DESK_READ),
        ("Incidents", "emergency", "admin:showcase_incident_changelist", Scope.DESK_READ),
        ("File changes", "difference", "admin:showcase_filechange_changelist", Scope.DESK_READ),
    ),
)

_PLATFORM: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    ("", (("Overview", "space_dashboard", "admin:index", Scope.PLATFORM_READ),)),
    (
        "Tenants",
        (
            ("Tenants", "apartment", "admin:tenants_tenant_changelist", Scope.PLATFORM_READ),
            ("Domains", "language", "admin:tenants_domain_changelist", Scope.PLATFORM_READ),
            ("Audit log", "policy", "admin:approvals_auditentry_changelist", Scope.AUDIT_READ),
        ),
    ),
    (
        "Fleet",
        (
            ("Live runs", "play_circle", "admin:tickets_ticket_changelist", Scope.PLATFORM_READ),
            ("Paused runs", "how_to_reg", "admin:tickets_paused_changelist", Scope.PLATFORM_READ),
            ("Executors", "memory", "admin:tickets_executor_changelist", Scope.PLATFORM_READ),
        ),
    ),
    (
        "Task queue",
        (
            ("Queued", "pending_actions", "admin:django_q_ormq_changelist", Scope.PLATFORM_READ),
            ("Failed", "error", "admin:django_q_failure_changelist", Scope.PLATFORM_READ),
            ("Done", "task_alt", "admin:django_q_success_changelist", Scope.PLATFORM_READ),
            ("Schedules", "schedule", "admin:django_q_schedule_changelist", Scope.PLATFORM_READ),
        ),
    ),
    (
        "People",
        (
            ("Members", "group", "admin:accounts_member_changelist", Scope.MEMBERS_READ),
            ("Invitations", "mail", "admin:accounts_invitation_changelist", Scope.MEMBERS_READ),
            ("Roles", "badge", "admin:accounts_role_changelist", Scope.MEMBERS_READ),
        ),
    ),
)


def on_platform(request: HttpRequest) -> bool:
    return bool(request.tenant.kind == "platform")  # type: ignore[attr-defined]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links; a group of which nothing is allowed is not there."""
    groups = []
    for title, entries in _PLATFORM if on_platform(request) else _of_tenant(request):
        items = [
            {"title": _title(request, name, url), "icon": icon, "link": reverse(url)}
            for name, icon, url, scope in entries
            if any(may(request, one) for one in (scope if isinstance(scope, tuple) else (scope,)))
        ]
        if items:
            groups.append({"title": title, "items": items})
    if not on_platform(request):
        app = {"title": "Open the app", "icon": "open_in_new", "link": "/", "active": False}
        groups.append({"title": "", "separator": True, "items": [app]})
    return groups


def _title(request: HttpRequest, name: str, url: str) -> str:
    """The entry's words; the queue has the number that waits behind them, which a script fills."""
    if url != _QUEUE or not may(request, Scope.APPROVALS_DECIDE):
        return name
    return format_html(
        '{} <span class="cx-count" data-waiting="{}" hidden></span>',
        name,
        reverse("admin:approvals_approval_count"),
    )


def _of_tenant(request: HttpRequest) -> Sequence[tuple[str, tuple[Entry, ...]]]:
    with_desk = may(request, Scope.DESK_READ) and has_data()
    return (*_TENANT, _DESK) if with_desk else _TENANT


def subheader(request: HttpRequest) -> str:
    return "Platform" if on_platform(request) else request.tenant.name  # type: ignore[attr-defined]


def environment(request: HttpRequest) -> list[str]:
    """The label in the header: which of the two consoles this is, and whose."""
    if on_platform(request):
        return ["Platform", "warning"]
    return [request.tenant.schema, "primary"]  # type: ignore[attr-defined]


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    links = [{"title": "Change password", "link": reverse("admin:password_change")}]
    if not on_platform(request):
        links.insert(0, {"title": "Open the app", "link": "/"})
    return links
