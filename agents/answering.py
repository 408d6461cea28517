"""Approvals as pages show and take them: arguments to read, forms to fill in, what was posted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from django.http import QueryDict

from agents.schema_form import SchemaForm, read_json, words
from agents.services.decide import Choice, Decide
from agents.services.decide_from_thread import decide_from_thread
from agents.tools import calling, registry
from approvals.models import Approval
from approvals.models.approval import ASKS, asker
from config.errors import Conflict, Forbidden, Invalid, Problem
from tenants.accounts.principal import Principal

# Characters and lines up to which a value is shown unfolded.
_SHORT = 280
_FEW_LINES = 6
_MOST_SHOWN = 50_000

EFFECTS = {
    "read": "Only reads",
    "idempotent_write": "Writes; doing it twice is as once",
    "write": "Writes",
    "answer": "Becomes the run’s answer",  # noqa: RUF001 - as pages word it
    ASKS: "Asks; calls nothing",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One argument. `long` ones are folded; `cut` is how many characters are left away."""

    name: str
    label: str
    text: str
    long: bool
    cut: int = 0


def shown_arguments(arguments: Any, tool: str = "") -> list[Shown]:
    """Arguments by name, in the tool's order; anything but an object as one value without a name.

    The database doesn't keep the order of an object's keys. Of a workflow's node that asks, what it
    asks comes first.
    """
    if not isinstance(arguments, dict):
        return [_shown("", arguments)]
    known = list((tool_parameters(tool) or {}).get("properties") or ())
    if asker(tool) != tool:
        known = ["message"]
    names = [name for name in known if name in arguments]
    names += [name for name in arguments if name not in known]
    return [_shown(str(name), arguments[name]) for name in names]


def as_text(value: Any) -> str:
    """Text as it is, any other JSON value indented, nothing for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _shown(name: str, value: Any) -> Shown:
    text = "none" if value is None else as_text(value)
    long = len(text) > _SHORT or text.count("\n") >= _FEW_LINES
    return Shown(name, words(name), text[:_MOST_SHOWN], long, max(len(text) - _MOST_SHOWN, 0))


def tool_parameters(name: str) -> dict[str, Any] | None:
    """The JSON schema of a tool's arguments, or None where it isn't installed any more."""
    try:
        return registry.get(name).parameters
    except registry.UnknownTool:
        return None


class Answer:
    """The forms of one approval, and the decision once something was posted.

    `opened`: the part that was posted and refused: approve, edit, reject or respond. `error`: what
    is said above the forms, of a decision that came too late or isn't the member's to make.
    """

    def __init__(self, approval: Approval) -> None:
        self.approval = approval
        self.form = _form_of(approval)
        self.opened = ""
        self.reason = ""
        self.result = ""
        self.result_error = ""
        self.error = ""
        self.status = 200

    def post(self, who: Principal, post: QueryDict) -> bool:
        """Decide as was posted; True when it is recorded, else the forms say why not."""
        wanted = post.get("decision", "")
        self.opened = wanted if wanted in ("approve", "edit", "reject", "respond") else ""
        self.reason = post.get("reason", "").replace("\x00", "").strip()
        request = self._request(wanted, post)
        if request is None:
            self.status = 422
            return False
        try:
            self.approval = decide_from_thread(who, self.approval.pk, request)
        except Invalid as problem:
            self._refused(problem)
        except (Conflict, Forbidden) as problem:
            self.error, self.opened = problem.detail, ""
            self.status = problem.status
        else:
            return True
        return False

    def _request(self, wanted: str, post: QueryDict) -> Decide | None:
        if wanted == "edit" or (wanted == "respond" and self.approval.kind == "input"):
            values = self.form.read(post) if self.form is not None else None
            if values is None:
                return None
            if wanted == "edit":
                return Decide("approve", arguments=values, reason=self.reason)
            return Decide("respond", response=values, reason=self.reason)
        if wanted == "respond":
            self.result = post.get("result", "")
            try:
                return Decide("respond", response=read_json(self.result), reason=self.reason)
            except ValueError as error:
                self.result_error = str(error)
                return None
        if wanted not in ("approve", "reject"):
            self.error = "Say what you decide: approve, edit, reject or respond."
            return None
        return Decide(cast(Choice, wanted), reason=self.reason)

    def _refused(self, problem: Problem) -> None:
        self.status = problem.status
        place = "response" if self.opened == "respond" else "arguments"
        if self.form is not None and problem.errors:
            self.form.refuse(problem.errors, place)
        elif self.opened == "respond" and self.approval.kind == "external":
            self.result_error = problem.detail
        else:
            self.error = problem.detail


def _form_of(approval: Approval) -> SchemaForm | None:
    """Of a confirmation its arguments to edit; of a question its fields; else none."""
    if not approval.is_waiting:
        return None
    if approval.kind == Approval.Kind.INPUT:
        return SchemaForm(_questions(approval))
    if approval.kind == Approval.Kind.EXTERNAL or not isinstance(approval.arguments, dict):
        return None
    schema = approval.fields or tool_parameters(approval.tool)
    return None if schema is None else SchemaForm(schema, approval.arguments)


def _questions(approval: Approval) -> dict[str, Any]:
    """The schema of what is asked: the tool's own, in its order, else as it was recorded."""
    try:
        spec = registry.get(approval.tool)
        if spec.asks is not None:
            form = spec.asks(calling.parse_arguments(spec, approval.arguments))
            return dict(form.model_json_schema())
    except (registry.UnknownTool, calling.ToolProblem):
        pass
    return dict(approval.fields or {})
