"""`manage.py workflow`: files are checked, taken in and written out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.models import Revision
from agents.workflows.models import Workflow
from agents.workflows.reading import read_file
from approvals.models import AuditEntry
from tenants.context import TenantRef, use_tenant
from tests.workflows.examples import TRIAGE

pytestmark = pytest.mark.django_db


def workflow(*args: str, schema: str = "acme") -> tuple[str, str]:
    """What the command says, and what it complains of. Raises CommandError."""
    said, complained = io.StringIO(), io.StringIO()
    try:
        call_command("workflow", "--schema", schema, *args, stdout=said, stderr=complained)
    except CommandError as error:
        error.args = (f"{complained.getvalue()}{error}",)
        raise
    return said.getvalue(), complained.getvalue()


@pytest.fixture
def triage(tmp_path: Path) -> Path:
    file = tmp_path / "triage.yaml"
    file.write_text(TRIAGE, encoding="utf-8")
    return file


def test_a_file_is_checked_imported_published_and_exported(
    acme: TenantRef, globex: TenantRef, triage: Path, tmp_path: Path
) -> None:
    assert workflow("check", str(triage))[0] == (
        "test-triage: 17 nodes in 5 phases, nothing wrong\n"
    )
    assert workflow("import", str(triage))[0] == "test-triage: the draft is made\n"
    with use_tenant(acme):
        draft = Workflow.objects.get(slug="test-triage")
        assert draft.published is None
        assert [role.name for role in draft.run_roles.all()] == ["builder"]
    said, _ = workflow("import", str(triage), "--publish", "--note", "first")
    assert said.splitlines() == [
        "test-triage: the draft is as the file says",
        "test-triage: published as r1",
    ]
    assert "unchanged, it is published as r1" in workflow("import", str(triage), "--publish")[0]
    out = tmp_path / "out.yaml"
    assert "is written to" in workflow("export", "test-triage", str(out))[0]
    assert read_file(out.read_text(encoding="utf-8")).spec == read_file(TRIAGE).spec
    printed, _ = workflow("export", "test-triage", "--revision", "1")
    assert printed == out.read_text(encoding="utf-8")
    with use_tenant(acme):
        revision = Revision.objects.get(kind="workflow", slug="test-triage")
        assert (revision.number, revision.note, len(revision.digest)) == (1, "first", 64)
        entry = AuditEntry.objects.filter(action="workflow.published").latest("pk")
        assert entry.target_name == "Triage" and entry.detail["revision"] == 1
    with use_tenant(globex):
        assert not Workflow.objects.filter(slug="test-triage").exists()


def test_every_mistake_is_named_with_file_line_and_column(acme: TenantRef, triage: Path) -> None:
    wrong = TRIAGE.replace("tool: calculator", "tool: calculater")
    wrong = wrong.replace("text: input.text}", "text: input.txt}", 1)
    triage.write_text(wrong, encoding="utf-8")
    lines = {number: line for number, line in enumerate(wrong.splitlines(), 1)}
    text_line = next(n for n, line in lines.items() if "input.txt" in line)
    tool_line = next(n for n, line in lines.items() if "calculater" in line)
    with pytest.raises(CommandError) as refused:
        workflow("check", str(triage))
    said = str(refused.value).splitlines()
    assert said == [
        f"{triage}:{text_line}:18: classify: input has no txt. There is: text, parts.",
        f"{triage}:{tool_line}:15: checks/sum: There is no tool calculater: "
        "did you mean calculator?",
        f"{triage}: 2 mistakes, nothing was changed",
    ]
    with pytest.raises(CommandError, match="2 mistakes"):
        workflow("import", str(triage), "--publish")
    with use_tenant(acme):
        assert not Workflow.objects.filter(slug="test-triage").exists()


def test_a_wrong_key_changes_nothing(acme: TenantRef, triage: Path) -> None:
    workflow("import", str(triage))
    triage.write_text(TRIAGE.replace("name: Triage", "nmae: Other"), encoding="utf-8")
    with pytest.raises(CommandError, match=r":3:1: This has no nmae: did you mean name\?"):
        workflow("import", str(triage))
    with use_tenant(acme):
        assert Workflow.objects.get(slug="test-triage").name == "Triage"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("check", "/nowhere/at-all.yaml"), "No such file"),
        (("export", "none-such"), "no such workflow: none-such"),
        (("export", "test-triage", "--revision", "7"), "test-triage has no revision 7"),
        (("export", "test-triage", "/nowhere/out.yaml"), "No such file"),
    ],
)
def test_what_can_not_be_is_refused_with_a_reason(
    acme: TenantRef, triage: Path, args: tuple[str, ...], said: str
) -> None:
    workflow("import", str(triage))
    with pytest.raises(CommandError, match=said):
        workflow(*args)


def test_the_platform_has_none(db: Any, triage: Path) -> None:
    with pytest.raises(CommandError, match="name a tenant"):
        workflow("check", str(triage), schema="platform")


def test_an_unknown_role_or_an_archived_workflow_is_not_imported(
    acme: TenantRef, triage: Path
) -> None:
    workflow("import", str(triage))
    with use_tenant(acme):
        Workflow.objects.filter(slug="test-triage").update(is_archived=True)
    with pytest.raises(CommandError, match="archived: bring it back first"):
        workflow("import", str(triage))
    triage.write_text(TRIAGE.replace("[builder]", "[king]"), encoding="utf-8")
    with pytest.raises(CommandError, match=r"Line 5, column 13: There is no role king\."):
        workflow("import", str(triage))
