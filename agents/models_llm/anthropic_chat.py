"""Anthropic's models through LangChain's integration, over our own HTTP.

Importing this module costs a second or more: only a tenant that has such a provider pays, on the
thread that loads its registry.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import anthropic
import httpx2
from langchain_anthropic import ChatAnthropic
from pydantic import PrivateAttr, SecretStr

from agents.models_llm.adapter import AdaptedChat
from agents.models_llm.exchange import Limits
from agents.models_llm.exchange_transport import ExchangeTransport

# The Messages API wants a limit on every call; this is what any of its models can do.
_DEFAULT_MAX_TOKENS = 4096


class GuardedAnthropic(ChatAnthropic):
    """LangChain's model with a client whose requests leave through `Exchange`."""

    _transport: ExchangeTransport = PrivateAttr()

    @cached_property
    def _async_client(self) -> anthropic.AsyncClient:
        # No environment: a proxy or a key of the machine's own is not the tenant's.
        client = httpx2.AsyncClient(transport=self._transport, trust_env=False, timeout=None)
        return anthropic.AsyncClient(**self._client_params, http_client=client)


def anthropic_chat(
    *,
    model: str,
    base_url: str,
    api_key: str,
    limits: Limits,
    tenant: str,
    extra: dict[str, Any] | None = None,
) -> AdaptedChat:
    """One of Anthropic's models at `base_url` (without `/v1`), for the tenant's own use.

    `extra` are further members of the request's body. A key that is empty is sent as such, and
    refused by the provider.
    """
    fields: dict[str, Any] = {
        "model": model,
        "base_url": base_url,
        "api_key": SecretStr(api_key or "none"),
        "max_retries": 0,  # the journal retries
        "anthropic_proxy": None,
        "max_tokens": _DEFAULT_MAX_TOKENS,
    }
    chat = GuardedAnthropic(**fields)
    chat._transport = ExchangeTransport(limits, secret=api_key, tenant=tenant)
    given = {"extra_body": dict(extra)} if extra else {}
    return AdaptedChat(chat, secret=api_key, says_its_end=True, given=given)
