"""The form that a workflow is started with, made from the schema of its input."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.http import QueryDict

from agents.schema_form import FormField, SchemaForm
from agents.services.start_from_thread import start_from_thread
from agents.services.start_run import StartRun
from config.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tenants.accounts.principal import Principal

_ONLY = "input"
_TEXT = {
    "properties": {_ONLY: {"type": "string", "title": "What it should work on"}},
    "required": [_ONLY],
}
_ANY = {"properties": {_ONLY: {"title": "Input"}}, "required": [_ONLY]}
# How a start's errors are placed: in the body, in its input, in a field of that.
_DEPTH = 2


class StartForm:
    """`once` goes with the form, so that a form that is sent twice starts one run.

    `error` is what is said above the fields; `status` what the page answers with.
    """

    def __init__(self, slug: str, input: dict[str, Any] | None, given: Any = None) -> None:
        self.slug = slug
        # What isn't an object of known fields is one field itself.
        self.whole = input is None or not input.get("properties")
        schema = input
        if self.whole:
            schema = _TEXT if input is None else _ANY
            given = None if given is None else {_ONLY: given}
        assert schema is not None
        self.form = SchemaForm(_needed_first(schema), given if isinstance(given, dict) else None)
        self.once = uuid4().hex
        self.error = ""
        self.status = 200

    @property
    def fields(self) -> list[FormField]:
        return self.form.fields

    def post(self, who: Principal, post: QueryDict) -> str:
        """Start what was posted: the run's id, or "" and the fields say why not.

        Raises NotFound for a workflow that the member may not run.
        """
        self.once = _key(post.get("once", "")) or self.once
        values = self.form.read(post)
        if values is None:
            self.status = 422
            return ""
        given = values[_ONLY] if self.whole else values
        request = StartRun(self.slug, given, kind="workflow", idempotency_key=self.once)
        try:
            return str(start_from_thread(who, request).run.id)
        except Invalid as problem:
            self._refused(problem)
        except Conflict as problem:
            self.once = uuid4().hex
            self.error = problem.detail
            if problem.code == "idempotency_key_reused":
                self.error = "This form was sent before with other values. Send it again to start."
            self.status = problem.status
        except (Forbidden, NotFound):
            raise  # the page's own answer
        except Problem as problem:  # a limit, a budget, or nobody there to run it
            self.error, self.status = problem.detail, problem.status
        return ""

    def _refused(self, problem: Invalid) -> None:
        self.status = problem.status
        if not problem.errors:
            self.error = problem.detail
            return
        placed = []
        for error in problem.errors:
            inside = list(error["loc"])[_DEPTH:]
            placed.append({**error, "loc": [_ONLY] if self.whole else inside})
        self.form.refuse(placed, "")
        self.error = " ".join(self.form.errors)


def _needed_first(schema: dict[str, Any]) -> dict[str, Any]:
    """What is needed comes first, as its list has it: the database keeps lists in order, but not
    the keys of an object.
    """
    properties = schema["properties"]
    needed = [name for name in schema.get("required") or () if name in properties]
    names = [*needed, *(name for name in properties if name not in needed)]
    return {**schema, "properties": {name: properties[name] for name in names}}


def _key(posted: str) -> str:
    return posted if posted.isalnum() and len(posted) <= 64 else ""
