"""Every action of the socket x everybody x own tenant and the others, as its scope says."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from agents.consumers import ACTIONS, FRAMES
from tests.matrix.people import PLACES, Person
from tests.runtime.test_socket import hear, opened, say
from tests.support.server import Server


def sample(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """A value that fits, and names nothing that is there."""
    if "$ref" in schema:
        return sample(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return sample(schema[several][0], definitions)
    if schema.get("format") == "uuid":
        return str(uuid4())
    plain: dict[str, Any] = {"string": "nothing", "integer": 1, "boolean": False, "object": {}}
    return plain.get(schema.get("type", ""), [])


def frame_of(action: str) -> dict[str, Any]:
    """The frame with everything that it must have."""
    schema = FRAMES[action].model_json_schema()
    needed = {
        name: sample(schema["properties"][name], schema.get("$defs", {}))
        for name in schema.get("required", ())
    }
    return {**needed, "action": action}


def problem_of(heard: dict[str, Any]) -> tuple[int, str, str]:
    """(status, code, scope) of an error; zeros of anything else."""
    problem = heard.get("problem") or {}
    code = str(problem.get("type", "")).rpartition(":")[2]
    return problem.get("status", 0), code, problem.get("scope", "")


def test_every_action_answers_everybody_as_it_declares(
    server: Server, people: list[Person]
) -> None:
    wrong = []
    for who in people:
        for place in PLACES:
            with opened(server, place) as socket:
                if who.bearer:
                    say(socket, action="authenticate", token=who.bearer)
                    _, code, _ = problem_of(hear(socket))
                    if code != ("" if who.tenant == place else "token_tenant"):
                        wrong.append(f"authenticate by {who} at {place}: {code}")
                for action, scope in ACTIONS.items():
                    if scope is None:
                        continue
                    say(socket, **frame_of(action))
                    status, code, wanted = problem_of(hear(socket))
                    if not who.bearer or who.tenant != place:
                        right = status == 401
                    elif scope in who.scopes:
                        right = status != 401 and (code, wanted) != ("scope_missing", scope)
                    else:
                        right = (status, code, wanted) == (403, "scope_missing", scope)
                    if not right:
                        wrong.append(f"{action} ({scope}) by {who} at {place}: {status} {code}")
    assert wrong == []


def test_every_action_has_a_frame_and_a_scope_or_is_how_one_signs_in() -> None:
    assert set(ACTIONS) == set(FRAMES)
    assert [action for action, scope in ACTIONS.items() if scope is None] == ["authenticate"]
