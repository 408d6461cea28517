"""The demo model behind a provider of the test's own, which doesn't answer where it is told to."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from langchain_core.messages import convert_to_messages

from agents.models_llm.demo import _decide
from tenants.context import use_tenant
from tests.models_llm.openai_server import Hang, OpenAIServer, Reply
from tests.teams.making import Crew

Hangs = Callable[[dict[str, Any], int], bool]


class DemoOverHttp(OpenAIServer):
    """Says what the demo model says. `hangs` is asked with a request's body and how often it came
    before. `calls`: how often each came.
    """

    def __init__(self, hangs: Hangs | None = None) -> None:
        super().__init__(choose=self._choose)
        self.hangs = hangs or (lambda body, before: False)
        self.calls: Counter[str] = Counter()

    def _choose(self, body: dict[str, Any]) -> Any:
        asked = json.dumps([body["messages"], body.get("tools")], sort_keys=True)
        name = hashlib.sha256(asked.encode()).hexdigest()
        self.calls[name] += 1
        if self.hangs(body, self.calls[name] - 1):
            return Hang()
        given = {"tool_choice": body.get("tool_choice")}
        text, calls = _decide(convert_to_messages(body["messages"]), body.get("tools") or [], given)
        made = [(call.tool.name, json.dumps(call.arguments)) for call in calls]
        return Reply(tokens=(text,) if text else (), calls=made)


def is_told(body: dict[str, Any], words: str) -> bool:
    """Whether the asked one's instructions have these words."""
    first = body["messages"][0]
    return first["role"] == "system" and words in str(first["content"])


@contextmanager
def model_of(crew: Crew, server: OpenAIServer, *, patience: float = 0.7, **fields: Any) -> Any:
    """The name of a model in the crew's tenant that this server answers for."""
    from agents.providers.models import ChatModel, Provider

    name = f"far-{crew.mark}"
    with use_tenant(crew.ref):
        provider = Provider.objects.create(
            name=name,
            slug=name,
            kind="openai_compatible",
            base_url=server.base_url,
            first_token_seconds=patience,
        )
        row = ChatModel.objects.create(name=name, provider=provider, model_id="any", **fields)
    try:
        yield name
    finally:
        with use_tenant(crew.ref):
            row.delete()
            provider.delete()
