"""Workflows as files: looked at, taken in, written out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from agents.models import Revision
from agents.services.import_workflow import import_workflow
from agents.services.publish_workflow import publish_workflow, workflow_spec
from agents.workflows.check import flaws_of
from agents.workflows.flaws import Flaw
from agents.workflows.known import known_to
from agents.workflows.links import everything, needs
from agents.workflows.models import Workflow
from agents.workflows.order import phases
from agents.workflows.reading import read_file
from agents.workflows.spec import WorkflowSpec
from agents.workflows.writing import to_yaml
from config.errors import Problem
from tenants.commands import TenantCommand
from tenants.context import TenantRef


class Command(TenantCommand):
    help = "Checks a workflow's file, imports it as a draft, or exports a workflow as a file."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="says what is wrong with a file, line by line")
        check.add_argument("file", help="a YAML file, or - for what is piped in")
        take = verbs.add_parser("import", help="makes the file's draft, or brings it up to date")
        take.add_argument("file", help="a YAML file, or - for what is piped in")
        take.add_argument("--publish", action="store_true", help="and publish it, if it is right")
        take.add_argument("--note", default="", help="for the history, with --publish")
        export = verbs.add_parser("export", help="writes the draft, or a revision")
        export.add_argument("slug")
        export.add_argument("file", nargs="?", default="-", help="where to; - prints it")
        export.add_argument("--revision", type=int, help="this one instead of the draft")

    def handle_tenant(self, ref: TenantRef, *, verb: str, **options: Any) -> None:
        if ref.kind != "tenant":
            raise CommandError("The platform has no workflows: name a tenant.")
        if verb == "export":
            self._export(options["slug"], options["file"], options["revision"])
            return
        text = _text(options["file"])
        spec = self._checked(options["file"], text, strict=verb == "check" or options["publish"])
        if verb == "check":
            order = phases(needs(spec.nodes))
            number = sum(1 for _ in everything(spec.nodes))
            self.stdout.write(f"{spec.slug}: {number} nodes in {len(order)} phases, nothing wrong")
            return
        try:
            with transaction.atomic():
                said = _import(text, publish=options["publish"], note=options["note"])
        except Problem as problem:
            raise CommandError(problem.detail) from None
        self.stdout.write("\n".join(said))

    def _checked(self, file: str, text: str, *, strict: bool) -> WorkflowSpec:
        """The file's spec; `strict` also asks what is asked before publishing."""
        read = read_file(text)
        flaws = list(read.flaws)
        if read.spec is not None and strict:
            flaws = read.located(flaws_of(read.spec, known_to(read.spec)))
        for flaw in flaws:
            self.stderr.write(_line(file, flaw))
        if flaws or read.spec is None:
            number = f"{len(flaws)} mistake{'s' if len(flaws) > 1 else ''}"
            raise CommandError(f"{file}: {number}, nothing was changed")
        return read.spec

    def _export(self, slug: str, file: str, number: int | None) -> None:
        workflow = Workflow.objects.filter(slug=slug).first()
        if workflow is None:
            raise CommandError(f"no such workflow: {slug}")
        spec = workflow_spec(workflow) if number is None else _revision(slug, number)
        text = to_yaml(spec)
        if file == "-":
            self.stdout.write(text, ending="")
            return
        try:
            Path(file).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from None
        self.stdout.write(f"{slug} is written to {file}")


def _import(text: str, *, publish: bool, note: str) -> list[str]:
    workflow, new = import_workflow(None, text)
    said = [f"{workflow.slug}: the draft is {'made' if new else 'as the file says'}"]
    if publish:
        revision, changed = publish_workflow(None, workflow.pk, note)
        done = "published as" if changed else "unchanged, it is published as"
        said.append(f"{workflow.slug}: {done} r{revision.number}")
    return said


def _revision(slug: str, number: int) -> WorkflowSpec:
    found = Revision.objects.filter(kind="workflow", slug=slug, number=number).first()
    if found is None:
        raise CommandError(f"{slug} has no revision {number}")
    return WorkflowSpec.model_validate(found.spec)


def _line(file: str, flaw: Flaw) -> str:
    who = f"{flaw.node}: " if flaw.node else ""
    return f"{file}:{flaw.line}:{flaw.column}: {who}{flaw.message}"


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file}: it is no text in UTF-8") from None
