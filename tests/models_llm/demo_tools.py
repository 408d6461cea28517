"""Tools for the demo model's tests: a small world that really does what it is asked."""

from __future__ import annotations

import ast
import json
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from agents.models_llm.demo import DemoChat
from agents.models_llm.protocol import ToolCall, collect

TEXT = {"type": "string"}
OPTIONAL_TEXT = {"anyOf": [TEXT, {"type": "null"}], "default": None}
NUMBER = {"type": "integer", "minimum": 1}


def tool(
    name: str, description: str, properties: dict[str, Any], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


CALCULATOR = tool("calculator", "Work out arithmetic.", {"expression": TEXT}, ("expression",))
CLOCK = tool("current_time", "Tell the time in a time zone.", {"time_zone": OPTIONAL_TEXT})
CREATE = tool("create_note", "Save a note, to remember something.", {"text": TEXT}, ("text",))
LIST = tool(
    "list_notes",
    "List the user's notes.",
    {"limit": {**NUMBER, "maximum": 100, "default": 20}, "contains": OPTIONAL_TEXT},
)
DELETE = tool("delete_note", "Delete a note by its number.", {"note_id": NUMBER}, ("note_id",))
ALL = [CALCULATOR, CLOCK, CREATE, LIST, DELETE]


class Conversation:
    """One user talking to the demo model, with tools that keep real notes.

    `made` lists the calls of the latest message as `(name, arguments)`, `rounds` how many were
    made at once.
    """

    def __init__(self, tools: list[dict[str, Any]] | None = None) -> None:
        self.model = DemoChat(first_delay=0, delay=0)
        self.tools = ALL if tools is None else tools
        self.messages: list[BaseMessage] = []
        self.notes: dict[int, str] = {}
        self.made: list[tuple[str, dict[str, Any]]] = []
        self.rounds: list[int] = []

    async def say(self, text: str) -> str:
        self.messages.append(HumanMessage(text))
        self.made, self.rounds = [], []
        while True:
            turn = await collect(self.model.stream_turn(self.messages, self.tools))
            if not turn.tool_calls:
                # As a session keeps it: the text alone.
                self.messages.append(AIMessage(turn.text))
                return turn.text
            assert len(self.rounds) < 6, "the model goes in circles"
            self.messages.append(turn.message())
            self.rounds.append(len(turn.tool_calls))
            self.messages += [self._answer(call) for call in turn.tool_calls]

    def _answer(self, call: ToolCall) -> ToolMessage:
        assert call.parsed is not None
        self.made.append((call.name, call.parsed))
        result = getattr(self, f"_{call.name}")(**call.parsed)
        content = result if isinstance(result, str) else json.dumps(result)
        return ToolMessage(content, tool_call_id=call.id, name=call.name)

    def _calculator(self, expression: str) -> str:
        try:
            tree = ast.parse(expression, mode="eval")
        except SyntaxError:
            return "Error: that is no arithmetic"
        names = {"__builtins__": {}, "sqrt": lambda x: x**0.5}
        try:
            return str(eval(compile(tree, "", "eval"), names))
        except ZeroDivisionError:
            return "Error: division by zero"

    def _current_time(self, time_zone: str | None = None) -> Any:
        if time_zone == "Tokio":
            return "Error: there is no time zone 'Tokio': did you mean Asia/Tokyo?"
        if time_zone == "Atlantis":
            return "Error: no time zone 'Atlantis': did you mean Canada/Atlantic or Asia/Almaty?"
        return {"time": "2026-03-01T19:50:00+09:00", "time_zone": time_zone or "Asia/Seoul"}

    def _create_note(self, text: str) -> Any:
        number = max(self.notes, default=0) + 1
        self.notes[number] = text
        return {"note_id": number, "created_at": "2026-03-01T10:00:00+00:00"}

    def _list_notes(self, limit: int = 20, contains: str | None = None) -> Any:
        found = [
            {"note_id": number, "text": text}
            for number, text in self.notes.items()
            if contains is None or contains in text
        ]
        return {"notes": found[:limit], "total": len(found)}

    def _delete_note(self, note_id: int) -> Any:
        if self.notes.pop(note_id, None) is None:
            return f"Error: there is no note {note_id} of yours"
        return {"deleted": note_id}
