"""What the documentation names exists: settings, make targets, commands, files, packages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.reading import PAGES, ROOT, examples, name, prose, table_codes

READERS = {"env_str", "env_int", "env_float", "env_bool", "env_list", "env_path"}
READERS |= {"_number"}  # of the check before a start
FOLDERS = ("config", "tenants", "agents")
# Read for tests alone, or a mark that one process leaves for others.
NOT_FOR_DEPLOYERS = {"TEST_DATA_DIR", "PYTEST_XDIST_WORKER"}


def called(node: ast.AST) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


@cache
def read_settings() -> frozenset[str]:
    """Every environment variable that the code reads by its name."""
    found = set()
    files = [ROOT / "manage.py", *(p for top in FOLDERS for p in (ROOT / top).rglob("*.py"))]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                environ = (
                    isinstance(node.func, ast.Attribute) and called(node.func.value) == "environ"
                )
                if not environ and called(node.func) not in READERS:
                    continue
                key = node.args[0]
            elif isinstance(node, ast.Subscript) and called(node.value) == "environ":
                key = node.slice
            else:
                continue
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                found.add(key.value)
    return frozenset(found)


def documented_settings() -> set[str]:
    text = prose(ROOT / "docs" / "deployers.md")
    return set(re.findall(r"^\| `([A-Z][A-Z_]+)` \|", text, re.MULTILINE))


def test_every_setting_the_code_reads_is_documented_and_no_other() -> None:
    read = read_settings() - NOT_FOR_DEPLOYERS
    assert {"DATABASE_URL", "SECRET_KEY", "MIN_FREE_MB", "LEASE_SECONDS"} <= read
    assert documented_settings() == read


def test_documented_defaults_are_those_of_the_code() -> None:
    settings = [
        ROOT / "config/settings" / f"{part}.py" for part in ("base", "accounts", "operations")
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in settings)
    calls = re.findall(r"env_(?:int|float)\(\"([A-Z_]+)\", ([\d_.]+)(?:, least=\d+)?\)", text)
    assert len(calls) > 20
    documented = dict(
        re.findall(
            r"^\| `([A-Z_]+)` \| `([^`]+)` \|", prose(ROOT / "docs/deployers.md"), re.MULTILINE
        )
    )
    wrong = {
        key: (documented.get(key), default)
        for key, default in calls
        if float(documented.get(key, "nan")) != float(default)
    }
    assert wrong == {}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_settings_named_in_running_text_exist(page: Path) -> None:
    known = read_settings() | {"ARGS", "KILL_POINTS", "KILL_SEED"}  # these are the tests' own
    named = set(re.findall(r"`([A-Z][A-Z]+_[A-Z_]+)(?:=[^`]*)?`", prose(page)))
    assert named - known - {"CAP_DAC_READ_SEARCH"} == set()


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_and_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shell = "".join(e.code for e in examples(page) if e.language == "sh")
    quoted = " ".join(re.findall(r"`([^`\n]+)`", prose(page)))
    targets = set(re.findall(r"\bmake ([a-z]+)", shell + quoted))
    assert targets <= make_targets()
    from django.core.management import get_commands

    commands = set(re.findall(r"manage\.py ([a-z_]+)", text))
    assert commands <= set(get_commands())


def quoted_files(page: Path) -> Iterator[str]:
    """What is written like a file or a folder of this repository."""
    for word in re.findall(r"`([\w./{},*-]+)`", prose(page)):
        if re.fullmatch(r"(?:[a-z_]+/)+[\w.*]*|(?:[a-z_]+/)+\w+\.(?:py|md|js|html)", word):
            yield word


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page: Path) -> None:
    folders = [ROOT, ROOT / "agents"]
    missing = [
        word
        for word in quoted_files(page)
        if not any(list(f.glob(word.rstrip("/"))) for f in folders)
    ]
    assert missing == []


def test_each_direct_dependency_has_its_reason() -> None:
    lists = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    direct = lists.partition("# Brought along by the above")[0]
    wanted = {re.split(r"\[|==", line)[0] for line in direct.splitlines() if "==" in line}
    rows = table_codes("docs/decisions/0013-dependencies.md", "a test compares.")
    assert {row[0][0] for row in rows} == wanted
