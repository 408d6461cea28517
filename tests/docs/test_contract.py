"""Tables of the documentation that state a contract are those of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from agents.admin.roles import MEANING
from agents.checks import socket_actions_declare_scopes
from agents.consumers import ACTIONS
from agents.limits.kinds import KINDS
from config.api import api
from tenants.accounts.guard import Requires
from tenants.accounts.scopes import PLATFORM_ROLES, ROLES, Scope
from tests.docs.reading import ROOT, prose, table_codes

# Problems that only pages and the console meet, and codes that are none of the API's.
NOT_OF_THE_API = {"last_owner", "member_has_runs", "own_account"}  # members are changed there
NOT_OF_THE_API |= {"password_too_long"}  # of a form's field
NOT_OF_THE_API |= {"no_person", "member_suspended", "no_mail_address", "mail_off"}  # resets
NOT_OF_THE_API |= {"team_members", "team_spec", "team_contract"}  # publishing a team
NOT_OF_THE_API |= {"tenant_active", "state", "platform_tenant", "no_console"}


def role_table() -> list[str]:
    """The table of roles and scopes as docs/operators.md has it."""
    lines = [
        "| scope | | " + " | ".join(ROLES) + " |",
        "|---|---|" + ":-:|" * len(ROLES),
    ]
    for scope in Scope:
        if not scope.startswith("platform:"):
            cells = "".join(" ● |" if scope in given else " |" for given in ROLES.values())
            lines.append(f"| `{scope}` | {MEANING[scope]} |{cells}")
    return lines


def test_the_table_of_roles_is_that_of_the_code() -> None:
    text = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
    below = text.partition("### Roles and scopes\n")[2].partition("\n## ")[0]
    shown = [line for line in below.splitlines() if line.startswith("|")]
    assert shown == role_table(), "\n".join(["it should be:", *role_table()])


def test_the_platforms_role_gives_what_is_written() -> None:
    (scopes,) = PLATFORM_ROLES.values()
    text = prose(ROOT / "docs/operators.md").partition("the one role `platform-admin` gives")[2]
    assert set(re.findall(r"`([a-z]+:[a-z_]+)`", text.partition(".")[0])) == set(scopes)


def test_every_route_is_documented_with_its_scope() -> None:
    served = {}
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                auth = operation.auth_callbacks[0]
                place = re.sub(
                    r"\{(?:\w+:)?(?:run_|session_|key_|invitation_|approval_|delegation_)?(\w+)\}",
                    r"{\1}",
                    prefix + path,
                )
                scope = str(auth.scope) if isinstance(auth, Requires) else None
                for method in operation.methods:
                    served[f"{method} {place}"] = scope
    signing_in = {row[0][0]: None for row in table_codes("docs/integrators.md", "## Signing in")}
    assert signing_in.pop("GET /me", "") is None
    written = {
        row[0][0]: row[1][0] for row in table_codes("docs/integrators.md", "## Routes")
    } | signing_in
    assert written == {route: scope for route, scope in served.items() if route != "GET /me"}
    assert served["GET /me"] == Scope.PROFILE_READ


def codes_in(*folders: str) -> set[str]:
    """Every `code="…"` given to a call, and every problem class's own, in these folders."""
    found = set()
    for folder in folders:
        place = ROOT / folder
        for file in [place] if place.is_file() else place.rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.keyword) and node.arg == "code":
                    found |= constant(node.value)
                elif isinstance(node, ast.Assign):
                    found |= assigned_code(node)
    return found


def constant(node: ast.expr) -> set[str]:
    """The text of a constant, or both texts of `a if … else b`."""
    if isinstance(node, ast.IfExp):
        return constant(node.body) | constant(node.orelse)
    value = node.value if isinstance(node, ast.Constant) else None
    return {value} if isinstance(value, str) and value else set()


def assigned_code(node: ast.Assign) -> set[str]:
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=True)
        return {
            code for at, what in pairs if getattr(at, "id", "") == "code" for code in constant(what)
        }
    return constant(value) if getattr(target, "id", "") == "code" else set()


def test_every_problem_code_is_documented_and_no_other() -> None:
    given = codes_in("config", "tenants", "agents/services", "agents/consumers.py", "agents/api")
    given |= codes_in("agents/limits", "approvals")
    rows = table_codes("docs/integrators.md", "## Errors")
    written = {code for row in rows for code in row[1]}
    assert {"token_expired", "session_busy", "internal", "invalid"} <= given
    assert written == given - NOT_OF_THE_API


def first_argument_of(call: str, *files: str) -> set[str]:
    """The first arguments, where they are text, of calls of this name."""
    found = set()
    for file in files:
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == call and node.args:
                found |= constant(node.args[0])
    return found


def test_the_ways_a_run_fails_are_documented_and_no_other() -> None:
    runtime = [str(p.relative_to(ROOT)) for p in (ROOT / "agents/runtime").rglob("*.py")]
    codes = codes_in("agents/models_llm/errors.py")
    codes |= {kind.code for kind in KINDS if kind.is_budget}  # of a run that passes one
    for fault in ("RunFault", "NeedsReview", "NodeFault"):
        codes |= first_argument_of(fault, *runtime)
    for file in runtime:
        codes |= set(re.findall(r'"code": "(\w+)"', (ROOT / file).read_text(encoding="utf-8")))
    rows = table_codes("docs/integrators.md", "what went wrong is in its `error`:")
    written = {code for row in rows for code in row[0]}
    assert {"deadline", "cancelled", "limit_turns", "rate_limited"} <= codes
    assert written == codes


def test_every_event_is_documented_and_no_other() -> None:
    told = set()
    for file in Path(ROOT / "agents/runtime").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        told |= set(
            re.findall(
                r'"((?:run|message|tool|approval|guardrail|delegate|node)\.[a-z]+|usage(?=",$))"',
                text,
                re.MULTILINE,
            )
        )
    rows = table_codes("docs/integrators.md", "## Events")
    assert {row[0][0] for row in rows} == told


def test_every_socket_action_is_documented_and_no_other() -> None:
    assert socket_actions_declare_scopes(None) == []
    rows = table_codes("docs/integrators.md", "## The WebSocket")
    assert {re.search(r'"action": "(\w+)"', row[0][0])[1] for row in rows} == set(ACTIONS)  # type: ignore[index]


def test_the_demo_is_what_is_written() -> None:
    from agents.management.commands.create_demo import MEMBERS, TENANTS
    from tenants.accounts.demo import DEMO_PASSWORD

    demo = prose(ROOT / "docs/operators.md").partition("## The demo")[2]
    for word in (*MEMBERS, *TENANTS, DEMO_PASSWORD, "root", "assistant"):
        assert f"`{word}`" in demo
