"""What a tool has to say about itself before it may be called at all."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field

from agents.tools import builtin, registry
from agents.tools.registry import Registry, UnknownTool, openai_schema, tool
from agents.tools.spec import Arguments, DeclarationError, Effect, ToolContext
from tenants.accounts.scopes import Scope
from tests.tools.making import Nothing, spec


class Greeting(Arguments):
    """Not for the model."""

    title: str = Field(description="How the person is addressed", title="A title of the field")
    warmth: int | None = 3


async def handler(context: ToolContext, args: Greeting) -> str:
    """Greet somebody
    politely.

    Details that the model needn't read.
    """
    return f"Good day, {args.title}"


def test_name_description_and_arguments_come_from_the_function() -> None:
    own = Registry()
    returned = tool(effect=Effect.READ, scope=Scope.AGENTS_RUN, into=own)(handler)

    found = own.get("handler")
    assert returned is handler
    assert found.description == "Greet somebody politely."
    assert found.arguments is Greeting
    assert (found.timeout, found.max_output, found.toolkit) == (20.0, 16_000, "builtin")


def test_a_name_is_registered_once() -> None:
    own = Registry()
    declare = tool(effect=Effect.READ, scope=Scope.AGENTS_RUN, into=own)
    declare(handler)
    with pytest.raises(DeclarationError, match="registered already"):
        declare(handler)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    builtin.load()
    with pytest.raises(UnknownTool) as caught:
        registry.get("delete_notes")
    assert "'delete_notes'" in caught.value.message
    assert "known tools: delete_note," in caught.value.message
    assert "calculator" in caught.value.message


@pytest.mark.parametrize("scope", ["", "agents:fly"])
def test_a_tool_without_a_real_scope_is_refused(scope: str) -> None:
    with pytest.raises(DeclarationError, match="scope"):
        spec(handler, arguments=Greeting, scope=scope)


@pytest.mark.parametrize(
    "name", ["_", "Probe", "probe-it", "1probe", "probe__it", "p" * 65, "probe\n"]
)
def test_names_are_short_snake_case(name: str) -> None:
    with pytest.raises(DeclarationError, match="snake_case"):
        spec(handler, name=name, arguments=Greeting)


def test_argument_models_forbid_unknown_fields() -> None:
    class Loose(BaseModel):
        text: str

    with pytest.raises(DeclarationError, match="forbid"):
        spec(handler, arguments=Loose)


def test_a_handler_without_annotated_arguments_is_refused() -> None:
    async def bare(context, args):  # type: ignore[no-untyped-def]
        """Do something."""

    with pytest.raises(DeclarationError, match=r"\(context, args\)"):
        tool(effect=Effect.READ, scope=Scope.AGENTS_RUN, into=Registry())(bare)


def test_a_tool_without_description_is_refused() -> None:
    async def silent(context: ToolContext, args: Nothing) -> str:
        return ""

    with pytest.raises(DeclarationError, match="description"):
        tool(effect=Effect.READ, scope=Scope.AGENTS_RUN, into=Registry())(silent)


def test_a_write_is_attempted_once_and_other_effects_twice() -> None:
    assert spec(handler, effect=Effect.READ).attempts == 2
    assert spec(handler, effect=Effect.IDEMPOTENT_WRITE).attempts == 2
    assert spec(handler, effect=Effect.WRITE).attempts == 1
    with pytest.raises(DeclarationError, match="once"):
        spec(handler, effect=Effect.WRITE, attempts=2)


def test_transactional_handlers_are_plain_functions_and_others_are_not() -> None:
    def plain(context: ToolContext, args: Any) -> str:
        return ""

    assert spec(plain, transactional=True).transactional
    with pytest.raises(DeclarationError, match="async def"):
        spec(plain)
    with pytest.raises(DeclarationError, match="async def"):
        spec(handler, transactional=True)


def test_only_a_remote_write_is_not_safe_to_repeat() -> None:
    def plain(context: ToolContext, args: Any) -> str:
        return ""

    assert not spec(handler, effect=Effect.WRITE).safe_to_repeat
    assert spec(handler, effect=Effect.IDEMPOTENT_WRITE).safe_to_repeat
    assert spec(plain, effect=Effect.WRITE, transactional=True).safe_to_repeat


def test_the_schema_has_no_generated_titles_but_keeps_a_field_of_that_name() -> None:
    schema = openai_schema(spec(handler, name="greet", arguments=Greeting))

    assert schema == {
        "type": "function",
        "function": {
            "name": "greet",
            "description": "A probe.",
            "parameters": {
                "type": "object",
                "additionalProperties": False,
                "required": ["title"],
                "properties": {
                    "title": {"type": "string", "description": "How the person is addressed"},
                    "warmth": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 3},
                },
            },
        },
    }


def test_the_schema_is_computed_once() -> None:
    probe = spec(handler, arguments=Greeting)
    assert openai_schema(probe) is openai_schema(probe)


def test_the_version_follows_what_the_model_is_told_and_the_effect_alone() -> None:
    version = spec(handler, arguments=Greeting).version
    assert len(version) == 64
    assert spec(handler, arguments=Greeting, timeout=5, max_output=500).version == version
    assert spec(handler, arguments=Nothing).version != version
    assert spec(handler, arguments=Greeting, description="Another.").version != version
    assert spec(handler, arguments=Greeting, effect=Effect.IDEMPOTENT_WRITE).version != version


def test_loading_the_builtin_tools_again_changes_nothing() -> None:
    builtin.load()
    before = registry.all()
    builtin.load()
    assert registry.all() == before
    assert [spec.name for spec in registry.toolkits()["builtin"]] == [
        "ask_user",
        "calculator",
        "create_note",
        "current_time",
        "delete_note",
        "hand_over",
        "list_notes",
    ]
