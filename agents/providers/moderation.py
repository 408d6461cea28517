"""A provider's moderation endpoint, in OpenAI's form: what of a text it flags."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from django.conf import settings
from multidict import CIMultiDict
from yarl import URL

from agents.models_llm.connections import session_for
from agents.models_llm.errors import Garbage, ModelUnknown
from agents.models_llm.exchange import Exchange, Limits
from agents.providers.kinds import Kind
from agents.providers.models import Provider
from tenants.context import current_tenant
from tenants.kept_of_tenant import KeptOfTenant
from tenants.secret_field import open_secret
from tenants.secrets import Unreadable

_LONGEST_REPLY = 1_048_576  # bytes
_KEEPALIVE = 30.0
# Providers that have no such endpoint under their usual address.
WITHOUT = frozenset({Kind.ANTHROPIC, Kind.AZURE_OPENAI, Kind.OLLAMA})


@dataclass(frozen=True, slots=True)
class _Endpoint:
    url: URL
    key: str
    limits: Limits
    schema: str

    async def ask(self, body: bytes) -> bytes:
        headers = CIMultiDict({"Content-Type": "application/json"})
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        session = session_for(
            str(self.url.origin()),
            limit=settings.MODEL_CONNECTIONS,
            keepalive=_KEEPALIVE,
            tenant=self.schema,
        )
        exchange = Exchange(session, self.url, self.limits, self.key)
        try:
            await exchange.open(body, headers)
            return await exchange.read_all()
        finally:
            exchange.close()


async def moderate(slug: str, model: str, text: str) -> frozenset[str]:
    """The categories that the active tenant's provider `slug` flags; empty where it flags none.

    Raises ModelError: no such provider, or the call failed.
    """
    endpoints = await _kept.get()
    endpoint = endpoints.get(slug)
    if endpoint is None:
        raise ModelUnknown(f"There is no provider {slug!r} with a moderation endpoint here.")
    return _flagged(await endpoint.ask(orjson.dumps({"model": model, "input": text})))


def _flagged(reply: bytes) -> frozenset[str]:
    try:
        results = orjson.loads(reply)["results"]
        found: set[str] = set()
        for result in results:
            named = [str(name) for name, yes in result.get("categories", {}).items() if yes is True]
            if result["flagged"] is True:
                found.update(named or ["flagged"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Garbage("The moderation endpoint answered with something else.") from None
    if not results:
        raise Garbage("The moderation endpoint gave no result.")
    return frozenset(found)


def _read() -> dict[str, _Endpoint]:
    found = {}
    for provider in Provider.objects.filter(is_enabled=True).exclude(kind__in=WITHOUT):
        try:
            found[provider.slug] = _endpoint(provider)
        except (Unreadable, ValueError):  # as if it were not there
            continue
    return found


_kept = KeptOfTenant(
    _read, kinds=("providers",), seconds=lambda: settings.PROVIDER_CACHE_SECONDS, most=2000
)


def _endpoint(provider: Provider) -> _Endpoint:
    return _Endpoint(
        url=URL(f"{provider.address}/moderations"),
        key=open_secret(provider, "api_key"),
        limits=Limits(
            provider.connect_seconds,
            provider.first_token_seconds,
            provider.idle_seconds,
            provider.total_seconds,
            _LONGEST_REPLY,
        ),
        schema=current_tenant().schema,
    )
