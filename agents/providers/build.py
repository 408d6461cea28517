"""From a provider's row to a client that speaks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from django.conf import settings
from langchain_core.messages import BaseMessage
from pydantic import SecretStr, ValidationError

from agents.models_llm.addresses import why_not_url
from agents.models_llm.errors import AddressForbidden, AuthFailed, BadRequest, ModelError
from agents.models_llm.exchange import Limits
from agents.models_llm.protocol import ChatStream, Delta
from agents.providers.kinds import Kind
from agents.providers.models import Provider
from tenants.context import current_tenant
from tenants.secret_field import open_secret
from tenants.secrets import Unreadable

_LONGEST_REPLY = 16_777_216  # bytes


class UnusableChat:
    """A model that can't be asked: each call fails with the reason."""

    def __init__(self, kind: type[ModelError], message: str) -> None:
        self._kind = kind
        self._message = message

    async def stream_turn(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None = None,
        **params: Any,
    ) -> AsyncIterator[Delta]:
        raise self._kind(self._message)
        yield Delta()  # makes this a generator, as the protocol wants


def build_client(
    provider: Provider, model_id: str, parameters: dict[str, Any] | None = None
) -> ChatStream:
    """A client for one of the provider's models; `parameters` go into each request's body.

    It always gives one: what is wrong with the row is said by the client's calls. For the thread of
    an ORM unit, since a provider's package may have to be imported.
    """
    if reason := why_not_url(provider.address):
        return UnusableChat(AddressForbidden, reason)
    try:
        key = open_secret(provider, "api_key")
    except Unreadable:
        return UnusableChat(
            AuthFailed, f"The stored key of {provider.name} can't be read: enter it again."
        )
    try:
        if provider.kind == Kind.ANTHROPIC:
            return _anthropic(provider, model_id, key, parameters or {})
        return _lean(provider, model_id, key, parameters or {})
    except ValidationError as error:
        said = "; ".join(str(problem["msg"]) for problem in error.errors(include_input=False))
        return UnusableChat(BadRequest, f"{provider.name} can't be used as it is set up: {said}.")


def _lean(provider: Provider, model_id: str, key: str, parameters: dict[str, Any]) -> ChatStream:
    from agents.models_llm.lean import LeanChat  # see agents.models_llm.factory

    shape: dict[str, Any] = {}
    if provider.kind == Kind.AZURE_OPENAI:
        shape = _azure(provider, model_id)
    elif provider.kind == Kind.OPENAI:
        shape = {"max_tokens_name": "max_completion_tokens"}
        if provider.organisation:
            shape["headers"] = {"OpenAI-Organization": provider.organisation}
    return LeanChat(
        model=model_id,
        base_url=provider.address,
        api_key=SecretStr(key),
        extra=parameters,
        stream_usage=provider.counts_tokens,
        connect_timeout=provider.connect_seconds,
        first_byte_timeout=provider.first_token_seconds,
        read_timeout=provider.idle_seconds,
        total_timeout=provider.total_seconds,
        tenant=current_tenant().schema,
        connection_limit=settings.MODEL_CONNECTIONS,
        **shape,
    )


def _azure(provider: Provider, deployment: str) -> dict[str, Any]:
    """With an API version, the deployment's own path; without, Azure's newer versionless one."""
    shape: dict[str, Any] = {"key_header": "api-key", "max_tokens_name": "max_completion_tokens"}
    if provider.api_version:
        shape["path"] = f"/openai/deployments/{deployment}/chat/completions"
        shape["query"] = {"api-version": provider.api_version}
    elif not provider.address.endswith("/openai/v1"):
        shape["path"] = "/openai/v1/chat/completions"
    return shape


def _anthropic(
    provider: Provider, model_id: str, key: str, parameters: dict[str, Any]
) -> ChatStream:
    from agents.models_llm.anthropic_chat import anthropic_chat

    limits = Limits(
        provider.connect_seconds,
        provider.first_token_seconds,
        provider.idle_seconds,
        provider.total_seconds,
        _LONGEST_REPLY,
    )
    return anthropic_chat(
        model=model_id,
        base_url=provider.address,
        api_key=key,
        limits=limits,
        tenant=current_tenant().schema,
        extra=parameters,
    )
