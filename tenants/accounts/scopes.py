"""Scopes and roles: who may do what, in one table.

A scope is a permission as routes, socket actions, tools and admin views name it and as tokens carry
it. A role is a group of a tenant; the table says which scopes it gives. Nothing else grants any.
"""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    AGENTS_READ = "agents:read"
    AGENTS_RUN = "agents:run"
    AGENTS_WRITE = "agents:write"
    AGENTS_PUBLISH = "agents:publish"
    RUNS_READ = "runs:read"  # one's own
    RUNS_READ_ALL = "runs:read_all"
    RUNS_CANCEL_ALL = "runs:cancel_all"
    SESSIONS_READ = "sessions:read"  # one's own
    SESSIONS_WRITE = "sessions:write"
    SESSIONS_READ_ALL = "sessions:read_all"
    NOTES_READ = "notes:read"  # one's own
    NOTES_WRITE = "notes:write"
    DESK_READ = "desk:read"  # the service desk's services, customers and orders
    DESK_WRITE = "desk:write"
    TOOLS_READ = "tools:read"
    GRANTS_READ = "grants:read"  # under which tier agents may use tools
    GRANTS_WRITE = "grants:write"
    APPROVALS_READ = "approvals:read"  # one's own; with approvals:decide or audit:read all
    APPROVALS_ANSWER = "approvals:answer"  # what one's own runs ask of oneself
    APPROVALS_DECIDE = "approvals:decide"
    AUDIT_READ = "audit:read"
    PROVIDERS_READ = "providers:read"
    PROVIDERS_WRITE = "providers:write"  # where models are, their keys and prices
    USAGE_READ = "usage:read"  # one's own, with one's limits
    USAGE_READ_ALL = "usage:read_all"
    LIMITS_WRITE = "limits:write"  # of members, within the tenant's
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    KEYS_READ = "keys:read"  # one's own; with members:read every service account's
    KEYS_WRITE = "keys:write"  # the same with members:write
    CONSOLE_USE = "console:use"  # sign in to the admin
    PROFILE_READ = "profile:read"
    PLATFORM_READ = "platform:read"
    PLATFORM_WRITE = "platform:write"


_USER = frozenset(
    {
        Scope.PROFILE_READ,
        Scope.AGENTS_READ,
        Scope.AGENTS_RUN,
        Scope.RUNS_READ,
        Scope.SESSIONS_READ,
        Scope.SESSIONS_WRITE,
        Scope.NOTES_READ,
        Scope.NOTES_WRITE,
        Scope.DESK_READ,
        Scope.DESK_WRITE,
        Scope.TOOLS_READ,
        Scope.APPROVALS_READ,
        Scope.APPROVALS_ANSWER,
        Scope.USAGE_READ,
    }
)

ROLES: dict[str, frozenset[Scope]] = {
    "member": _USER,
    "integrator": _USER | {Scope.GRANTS_READ, Scope.KEYS_READ, Scope.KEYS_WRITE},
    "builder": _USER
    | {
        Scope.AGENTS_WRITE,
        Scope.AGENTS_PUBLISH,
        Scope.GRANTS_READ,
        Scope.PROVIDERS_READ,
        Scope.RUNS_READ_ALL,
        Scope.CONSOLE_USE,
    },
    "operator": _USER
    | {
        Scope.RUNS_READ_ALL,
        Scope.RUNS_CANCEL_ALL,
        Scope.SESSIONS_READ_ALL,
        Scope.GRANTS_READ,
        Scope.PROVIDERS_READ,
        Scope.USAGE_READ_ALL,
        Scope.MEMBERS_READ,
        Scope.KEYS_READ,
        Scope.CONSOLE_USE,
    },
    "approver": _USER
    | {Scope.GRANTS_READ, Scope.APPROVALS_DECIDE, Scope.RUNS_READ_ALL, Scope.CONSOLE_USE},
    "auditor": frozenset(
        {
            Scope.PROFILE_READ,
            Scope.AGENTS_READ,
            Scope.RUNS_READ,
            Scope.RUNS_READ_ALL,
            Scope.SESSIONS_READ,
            Scope.SESSIONS_READ_ALL,
            Scope.DESK_READ,
            Scope.TOOLS_READ,
            Scope.GRANTS_READ,
            Scope.APPROVALS_READ,
            Scope.AUDIT_READ,
            Scope.PROVIDERS_READ,
            Scope.USAGE_READ,
            Scope.USAGE_READ_ALL,
            Scope.MEMBERS_READ,
            Scope.KEYS_READ,
            Scope.CONSOLE_USE,
        }
    ),
}
ROLES["owner"] = frozenset(scope for scope in Scope if not scope.startswith("platform:"))

# The platform's own schema knows one role; its members run nothing.
PLATFORM_ROLES: dict[str, frozenset[Scope]] = {
    "platform-admin": frozenset(
        {
            Scope.PROFILE_READ,
            Scope.CONSOLE_USE,
            Scope.MEMBERS_READ,
            Scope.MEMBERS_WRITE,
            Scope.AUDIT_READ,
            Scope.PLATFORM_READ,
            Scope.PLATFORM_WRITE,
        }
    ),
}


def scopes_of(roles: list[str] | tuple[str, ...], *, platform: bool = False) -> frozenset[Scope]:
    """The scopes that these roles give together; an unknown role gives none."""
    table = PLATFORM_ROLES if platform else ROLES
    given: frozenset[Scope] = frozenset()
    for role in roles:
        given |= table.get(role, frozenset())
    return given
