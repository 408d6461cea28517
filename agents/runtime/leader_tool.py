"""The one tool of a team's leader: what models are shown of it, and what its calls mean."""

from __future__ import annotations

from typing import Any

from agents.specs import DELEGATE, MemberSpec, TeamSpec

_WHAT = {
    "coordinate": "Give one task to one member of the team. Several calls at once are worked on at "
    "the same time. A member sees nothing but the task: put into it all that it needs.",
    "route": "Hand the request to the one member of the team that fits it best. What it answers "
    "is the answer.",
}


def delegate_schema(team: TeamSpec) -> dict[str, Any]:
    """The tool in OpenAI's format; `member` names the members and what each is for."""
    members = "\n".join(
        f"- {one.slug}: {one.name}. {one.description}".rstrip() for one in team.members
    )
    return {
        "type": "function",
        "function": {
            "name": DELEGATE,
            "description": _WHAT[team.mode],
            "parameters": {
                "type": "object",
                "properties": {
                    "member": {
                        "type": "string",
                        "enum": [one.slug for one in team.members],
                        "description": f"The members:\n{members}",
                    },
                    "task": {"type": "string", "description": "What the member is to do."},
                },
                "required": ["member", "task"],
                "additionalProperties": False,
            },
        },
    }


def read_call(team: TeamSpec, name: str, arguments: Any) -> tuple[MemberSpec, str] | str:
    """The member and its task; or, of a call that is none, what the leader is told."""
    if name != DELEGATE:
        return f"There is no tool {name!r}. Tools: {DELEGATE}."
    if not isinstance(arguments, dict):
        return "The arguments must be an object with member and task."
    slug, task = arguments.get("member"), arguments.get("task")
    member = next((one for one in team.members if one.slug == slug), None)
    if member is None:
        known = ", ".join(one.slug for one in team.members)
        return f"There is no member {slug!r} in the team. Members: {known}."
    if not isinstance(task, str) or not task.strip():
        return "The task is empty: say what the member is to do."
    return member, task
