"""The task list of a team's leader: what is to be done by whom, after what, and what came of it.

It is made of the leader's calls and of the journal's delegations alone, so that an entered run has
the same list at the same turn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.specs import TASK_TOOLS, TeamSpec

ADD, UPDATE, FINISH = TASK_TOOLS
LIST = "The list now:\n"
"""What stands before the list, as the leader is shown it."""

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Goal = Annotated[str, Field(min_length=1, max_length=4000)]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AddTask(_Arguments):
    """Put a task on the list. It is begun once those it depends on are done."""

    id: Id
    goal: Goal
    assignee: str
    depends_on: tuple[str, ...] = ()


class UpdateTask(_Arguments):
    """Change a task: what isn't given stays. One that was done or failed is then done again."""

    id: str
    goal: Goal | None = None
    assignee: str | None = None
    depends_on: tuple[str, ...] | None = None


class FinishTask(_Arguments):
    """Close a task yourself, with its result where there is one; nobody works on it any more."""

    id: str
    result: str = ""


_TOOLS: dict[str, type[_Arguments]] = {ADD: AddTask, UPDATE: UpdateTask, FINISH: FinishTask}


@dataclass(slots=True)
class Task:
    """`tries`: how often it was put to be done anew."""

    id: str
    goal: str
    assignee: str
    depends_on: tuple[str, ...] = ()
    status: Literal["open", "done", "failed"] = "open"
    result: str = ""
    tries: int = 0
    tainted: bool = False

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = {"id": self.id, "assignee": self.assignee, "status": self.status}
        if self.depends_on:
            found["depends_on"] = list(self.depends_on)
        return {**found, "goal": self.goal, "result": self.result}


@dataclass(slots=True)
class Board:
    team: TeamSpec
    tasks: dict[str, Task] = field(default_factory=dict)

    def apply(self, name: str, arguments: Any) -> tuple[str, bool]:
        """Make one of the leader's calls: what it is told, and whether that went wrong."""
        kind = _TOOLS.get(name)
        if kind is None:
            return f"There is no tool {name!r}. Tools: {', '.join(_TOOLS)}.", True
        try:
            given = kind.model_validate(arguments)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            return f"{'.'.join(map(str, first['loc'])) or 'arguments'}: {first['msg']}.", True
        if isinstance(given, AddTask):
            wrong = self._add(given)
        elif isinstance(given, UpdateTask):
            wrong = self._update(given)
        else:
            assert isinstance(given, FinishTask)
            wrong = self._finish(given)
        return (wrong, True) if wrong else ("Noted.", False)

    def _add(self, given: AddTask) -> str:
        assert self.team.tasks is not None
        if given.id in self.tasks:
            return f"There is a task {given.id!r} already: change it with {UPDATE}."
        if len(self.tasks) >= self.team.tasks.most:
            return f"The list is full: at most {self.team.tasks.most} tasks."
        wrong = self._wrong(given.id, given.assignee, given.depends_on)
        if not wrong:
            self.tasks[given.id] = Task(given.id, given.goal, given.assignee, given.depends_on)
        return wrong

    def _update(self, given: UpdateTask) -> str:
        task = self.tasks.get(given.id)
        if task is None:
            return self._unknown(given.id)
        assignee = given.assignee or task.assignee
        depends_on = task.depends_on if given.depends_on is None else given.depends_on
        wrong = self._wrong(given.id, assignee, depends_on)
        if wrong:
            return wrong
        task.goal, task.assignee, task.depends_on = given.goal or task.goal, assignee, depends_on
        if task.status != "open":
            task.status, task.result = "open", ""
            task.tries += 1
        return ""

    def _finish(self, given: FinishTask) -> str:
        task = self.tasks.get(given.id)
        if task is None:
            return self._unknown(given.id)
        task.status, task.result = "done", given.result or task.result
        return ""

    def _unknown(self, id: str) -> str:
        return f"There is no task {id!r}. Tasks: {', '.join(self.tasks) or 'none'}."

    def _wrong(self, id: str, assignee: str, depends_on: tuple[str, ...]) -> str:
        slugs = [member.slug for member in self.team.members]
        if assignee not in slugs:
            return f"There is no member {assignee!r}. Members: {', '.join(slugs)}."
        for need in depends_on:
            if need != id and need not in self.tasks:
                return self._unknown(need)
        before, seen = list(depends_on), set()
        while before:
            one = before.pop()
            if one == id:
                return f"{id} would wait for itself."
            if one not in seen:
                seen.add(one)
                before += self.tasks[one].depends_on
        return ""

    def ready(self) -> list[Task]:
        """What can be worked on now."""
        return [
            task
            for task in self.tasks.values()
            if task.status == "open"
            and all(self.tasks[need].status == "done" for need in task.depends_on)
        ]

    def shown(self) -> str:
        """The list as the leader is shown it."""
        rows = [json.dumps(task.shown(), ensure_ascii=False) for task in self.tasks.values()]
        return LIST + ("\n".join(rows) or "It is empty.")


def task_schemas(team: TeamSpec) -> list[dict[str, Any]]:
    """The leader's tools in OpenAI's format; `assignee` names the members and what each is for."""
    members = "\n".join(
        f"- {one.slug}: {one.name}. {one.description}".rstrip() for one in team.members
    )
    text = {"type": "string"}
    assignee = {
        **text,
        "enum": [one.slug for one in team.members],
        "description": f"The members:\n{members}",
    }
    goal = {**text, "description": "What is to be done, with all that one must know."}
    needs = {"type": "array", "items": text, "description": "Ids of tasks that come before."}
    result = {**text, "description": "What it came to, where there is something."}
    id = {**text, "description": "Small letters, digits, - and _."}
    change = {"id": id, "goal": goal, "assignee": assignee, "depends_on": needs}
    return [
        _tool(ADD, AddTask, change, ["id", "goal", "assignee"]),
        _tool(UPDATE, UpdateTask, change, ["id"]),
        _tool(FINISH, FinishTask, {"id": id, "result": result}, ["id"]),
    ]


def _tool(
    name: str, kind: type[_Arguments], properties: dict[str, Any], required: list[str]
) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{kind.__doc__} Tasks that don't wait for one another are worked on at "
            "the same time, between your turns. When all is done, answer.",
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            },
        },
    }
