"""A real, minimal call to a model, and in plain words what is wrong when it fails."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import HumanMessage

from agents.models_llm import errors
from agents.models_llm.connections import aclose_all
from agents.models_llm.protocol import ChatStream, Delta, TurnBuilder, Usage
from agents.providers.build import build_client
from agents.providers.kinds import Kind
from agents.providers.models import Provider

# Somebody waits at a page for it, whatever the provider's own time-outs are.
PATIENCE_SECONDS = 20.0
_QUESTION = "Answer with the word: ready"
_MOST_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """How it went. Without `ok`, `title` says what failed, `detail` how, `mend` what would help.

    Times are in milliseconds, None where it did not come so far.
    """

    ok: bool
    title: str
    detail: str
    mend: str = ""
    first_ms: int | None = None
    total_ms: int = 0
    usage: Usage | None = None


def probe(provider: Provider, model_id: str, parameters: dict[str, Any] | None = None) -> Finding:
    """Ask the model for one word. For a page's thread: it blocks, at most PATIENCE_SECONDS.

    The call is real: it needs the key, counts against limits, and may cost a fraction of a cent.
    """
    client = build_client(provider, model_id, parameters)
    return asyncio.run(_alone(client, provider))


async def _alone(client: ChatStream, provider: Provider) -> Finding:
    try:
        return await _ask(client, provider)
    finally:
        await aclose_all()


async def _ask(client: ChatStream, provider: Provider) -> Finding:
    began = time.perf_counter()
    first: int | None = None
    builder = TurnBuilder()

    def passed() -> int:
        return round((time.perf_counter() - began) * 1000)

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            stream = client.stream_turn([HumanMessage(_QUESTION)], max_tokens=_MOST_TOKENS)
            async with aclosing(cast("Any", stream)) as deltas:
                delta: Delta
                async for delta in deltas:
                    first = passed() if first is None else first
                    builder.add(delta)
    except TimeoutError:
        return Finding(
            False,
            "No answer in time",
            f"Nothing was finished in {PATIENCE_SECONDS:g} seconds.",
            "Is the provider busy, or still loading the model? Try once more.",
            first,
            passed(),
        )
    except errors.ModelError as error:
        title, mend = _meaning(error, provider)
        return Finding(False, title, error.message, mend, first, passed())
    turn = builder.turn()
    said = " ".join(turn.text.split())[:200]
    detail = f"It said: {said}" if said else "It answered without any text."
    mend = ""
    if turn.usage is None:
        mend = "It counts no tokens, so its runs will have no usage and no cost."
    return Finding(True, "The model answers", detail, mend, first, passed(), turn.usage)


def _meaning(error: errors.ModelError, provider: Provider) -> tuple[str, str]:
    """(title, what would help) for a failure."""
    status = f" (status {error.status})" if error.status else ""
    match error:
        case errors.AddressForbidden():
            return "The address is not allowed", "Ask whoever runs this installation to allow it."
        case errors.ConnectFailed():
            return "No connection", _mend_connection(error, provider)
        case errors.ModelTimeout():
            return (
                f"Too slow{status}",
                "Is it the right address, does a firewall swallow the call, or are the time-outs "
                "too short for this model?",
            )
        case errors.AuthFailed():
            return f"The key was refused{status}", _mend_key(error, provider)
        case errors.RateLimited():
            wait = f" It asks to wait {error.retry_after:g} seconds." if error.retry_after else ""
            return (
                f"Too many requests{status}",
                "The key works; its account's limit or quota is reached." + wait,
            )
        case errors.ServerFailed():
            return f"The provider failed{status}", "It is the provider's own trouble: try later."
        case errors.Garbage() | errors.StreamCut():
            return "Not the answer of a model", _mend_address(provider)
        case errors.BadRequest() if error.status in (404, 405):
            return f"Not found{status}", _mend_model(provider)
        case errors.BadRequest() if error.status is not None and error.status < 400:
            return f"The address leads elsewhere{status}", _mend_address(provider)
        case errors.BadRequest():
            return f"The request was refused{status}", _mend_request(error)
    return "It failed", ""


def _mend_connection(error: errors.ModelError, provider: Provider) -> str:
    if "certificate" in error.message:
        return "Its certificate must be one that this machine trusts, and name the host."
    if "TLS" in error.message:
        return "Write http:// if the server has no TLS, or another port if it has."
    if "no address" in error.message:
        return "Is the host's name spelled right, and known to this machine's name server?"
    if provider.kind == Kind.OLLAMA:
        return "Does Ollama run there, and listen on more than its own machine (OLLAMA_HOST)?"
    return "Does something listen at this address and port, and may this machine reach it?"


def _mend_key(error: errors.ModelError, provider: Provider) -> str:
    if not provider.api_key:
        return "No key is set: enter one."
    if error.status == 403:
        return "The key is known but may not use this model: look at its rights and its project."
    return "Enter the key again. Keys are shown only once by most providers: make a new one there."


def _mend_address(provider: Provider) -> str:
    usual = {
        Kind.OPENAI_COMPATIBLE: "The address should be what comes before /chat/completions, "
        "often ending with /v1.",
        Kind.AZURE_OPENAI: "The address should look like https://NAME.openai.azure.com",
        Kind.ANTHROPIC: "The address should be what comes before /v1/messages.",
    }
    return usual.get(provider.kind, "The address should end with /v1.")


def _mend_model(provider: Provider) -> str:
    if provider.kind == Kind.AZURE_OPENAI:
        return "Is there a deployment of this name, and is the API version one that Azure knows?"
    if provider.kind == Kind.OLLAMA:
        return "Pull the model there first (ollama pull), and write its tag as ollama list does."
    return "Is the model's id spelled as the provider does? Else: " + _mend_address(provider)


def _mend_request(error: errors.ModelError) -> str:
    if "stream_options" in error.message:
        return "Untick “asks for token counts”: this server doesn't know the question."
    return "Look at the model's further parameters and the provider's settings."
