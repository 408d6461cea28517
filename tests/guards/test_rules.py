"""The house's rules, read off the syntax tree: a rule that is only prose rots."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.slowest import SLOWEST, TESTS

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ("agents", "approvals", "config", "evals", "knowledge", "tenants")
DRAWERS = {"utils.py", "helpers.py", "misc.py", "common.py"}
LONGEST = 350

# What each place may import of the product, besides itself. `config` at the bottom is only its
# plain modules; as the composition root (urls, asgi, api) it may import everything.
BOTTOM = {"config.errors", "config.trace", "config.env", "config.pages", "config.proxies"}
BOTTOM |= {"config.metrics", "config.load", "config.cancelling"}
MAY_IMPORT: dict[str, set[str]] = {
    "tenants": set(),
    "approvals": {"tenants", "agents.ids"},
    "agents/models": {"tenants"},
    "agents/guardrails": {"tenants"},
    "agents/models_llm": set(),
    "agents/providers": {"tenants"},
    "agents/limits": {"tenants"},
    "agents/tools": {"tenants"},
    "agents/desk": {"tenants"},
    "agents/showcase": {"tenants"},
    "agents/workflows": {"tenants", "approvals"},
    "agents/runtime": {"tenants", "approvals"},
    "agents/services": {"tenants", "approvals"},
}


def sources() -> Iterator[Path]:
    for top in PRODUCT:
        for path in sorted((ROOT / top).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield child
        yield from own_nodes(child)


def sets_tenant(node: ast.AST) -> bool:
    return isinstance(node, (ast.With, ast.AsyncWith)) and any(
        isinstance(item.context_expr, ast.Call)
        and getattr(item.context_expr.func, "id", getattr(item.context_expr.func, "attr", ""))
        in ("use_tenant", "use_shared")
        for item in node.items
    )


def yields_under_a_tenant(module: ast.Module) -> list[int]:
    return [
        inner.lineno
        for node in ast.walk(module)
        if sets_tenant(node)
        for inner in own_nodes(node)
        if isinstance(inner, (ast.Yield, ast.YieldFrom))
    ]


def test_no_tenant_is_held_over_a_yield() -> None:
    found = {str(path): lines for path in sources() if (lines := yields_under_a_tenant(tree(path)))}
    assert found == {}


def test_the_lint_finds_a_yield_under_a_tenant() -> None:
    bad = "def f():\n  with use_tenant(x):\n    for y in z:\n      yield y\n"
    good = "def f():\n  with use_tenant(x):\n    def g():\n      yield 1\n    return list(g())\n"
    assert yields_under_a_tenant(ast.parse(bad)) == [4]
    assert yields_under_a_tenant(ast.parse(good)) == []


def orm_on_the_loop(module: ast.Module) -> list[int]:
    """Uses of a manager inside `async def`: they would block the event loop."""
    return [
        node.lineno
        for function in ast.walk(module)
        if isinstance(function, ast.AsyncFunctionDef)
        for node in own_nodes(function)
        if isinstance(node, ast.Attribute) and node.attr == "objects"
    ]


def test_no_orm_call_on_the_event_loop() -> None:
    found = {str(path): lines for path in sources() if (lines := orm_on_the_loop(tree(path)))}
    assert found == {}
    assert orm_on_the_loop(ast.parse("async def f():\n  return Run.objects.count()\n")) == [2]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


@pytest.mark.parametrize("place", MAY_IMPORT)
def test_imports_point_downwards(place: str) -> None:
    package = place.replace("/", ".")
    tops = {package, *MAY_IMPORT[place]} | BOTTOM
    if place.startswith("agents/"):
        tops |= ALLOWED_INSIDE_AGENTS[place]
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / place).rglob("*.py"))
        # Commands are entry points, like urls and asgi: they may call anything.
        if not {"migrations", "management"} & set(path.parts)
        for name in imports(path)
        if name.split(".")[0] in PRODUCT
        and not any(name == top or name.startswith(top + ".") for top in tops)
    ]
    assert wrong == []


ALLOWED_INSIDE_AGENTS: dict[str, set[str]] = {
    "agents/models": {
        "agents.budgets",
        "agents.guardrails",
        "agents.ids",
        "agents.prompts",
        "agents.tools",
    },
    "agents/guardrails": {"agents.models", "agents.models_llm", "agents.providers"},
    "agents/models_llm": set(),
    "agents/providers": {"agents.models", "agents.models_llm"},
    "agents/limits": {"agents.providers"},
    "agents/tools": {"agents.models"},
    "agents/desk": {"agents.tools"},
    "agents/showcase": {"agents.desk", "agents.models", "agents.tools"},
    "agents/workflows": {"agents.budgets", "agents.guardrails", "agents.models", "agents.tools"},
    "agents/runtime": {
        "agents.budgets",
        "agents.guardrails",
        "agents.ids",
        "agents.limits",
        "agents.models",
        "agents.models_llm",
        "agents.prompts",
        "agents.providers",
        "agents.specs",
        "agents.team_rules",
        "agents.tools",
        "agents.workflows",
    },
    "agents/services": {
        "agents.budgets",
        "agents.guardrails",
        "agents.ids",
        "agents.limits",
        "agents.models",
        "agents.models_llm",
        "agents.providers",
        "agents.runtime",
        "agents.specs",
        "agents.team_rules",
        "agents.tools",
        "agents.workflows",
    },
}


def test_no_drawer_and_no_overlong_file() -> None:
    for path in sources():
        assert path.name not in DRAWERS, f"{path}: name the subject instead"
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= LONGEST, f"{path} has {lines} lines: one subject a file"


def test_the_files_that_are_begun_first_exist() -> None:
    assert [name for name in SLOWEST if not (TESTS / f"{name}.py").exists()] == []


def test_no_app_is_both_shared_and_a_tenants() -> None:
    from django.conf import settings

    assert not set(settings.SHARED_APPS) & set(settings.TENANT_APPS)


def test_nothing_unfinished_and_no_path_of_a_machine_is_committed() -> None:
    marks = "TO" + "DO|FIX" + "ME|NotImplemented" + "Error|/ro" + "ot/[a-z]"
    listed = subprocess.run(
        ["git", "grep", "-nE", marks, "--", "*.py", "*.html", "*.md", "*.toml", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 128:
        pytest.skip("not a git checkout")
    assert listed.stdout == ""
