"""A tenant's models as its runs find them: read in one unit, kept in each process until changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from agents.models_llm.errors import ModelUnknown
from agents.models_llm.pricing import Price
from agents.models_llm.protocol import ChatStream
from agents.providers.build import UnusableChat, build_client
from agents.providers.gate import Gate, GateLimits, gate_for
from agents.providers.models import ChatModel, Fallback, ModelSettings, Provider
from tenants import notices
from tenants.context import current_tenant
from tenants.kept_of_tenant import KeptOfTenant


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that can be asked: its client, what it costs, and what to ask in its stead.

    `provider` is a slug, "" for the installation's own endpoint and the demo model. `price` and
    `currency` are those of the moment it was resolved. Fallbacks have none themselves.
    """

    name: str
    client: ChatStream
    provider: str = ""
    offline: bool = False
    price: Price | None = None
    currency: str = ""
    supports_tools: bool = True
    gate: Gate | None = None
    fallbacks: tuple[ResolvedModel, ...] = ()

    def identity(self) -> dict[str, Any]:
        """As runs, events and pages show it."""
        shown: dict[str, Any] = {"name": self.name, "offline": self.offline}
        if self.provider:
            shown |= {"provider": self.provider, "currency": self.currency}
        return shown


@dataclass(frozen=True, slots=True)
class Registry:
    """What one tenant has configured. `default` is the name of its default model, or ""."""

    models: Mapping[str, ResolvedModel] = field(default_factory=dict)
    default: str = ""
    currency: str = "USD"

    @property
    def is_empty(self) -> bool:
        """With no model of its own, a tenant uses the installation's."""
        return not self.models


def tell_all() -> None:
    """Every process forgets the active tenant's registry, on commit of the caller's change."""
    notices.notify("providers")


async def registry() -> Registry:
    """The active tenant's registry; from memory, but for the first time and after a change."""
    return await _registry.get()


def read_registry() -> Registry:
    """The active tenant's registry from the database, on the ORM: one query where it is empty."""
    rows = list(ChatModel.objects.select_related("provider").order_by("name"))
    if not rows:
        return Registry()
    chosen = ModelSettings.objects.select_related("default_model").filter(pk=1).first()
    currency = chosen.currency if chosen else "USD"
    plain = {row.pk: _resolved(row, currency) for row in rows}
    chains: dict[int, list[ResolvedModel]] = {}
    for model_id, fallback_id in Fallback.objects.order_by("position", "id").values_list(
        "model_id", "fallback_id"
    ):
        chains.setdefault(model_id, []).append(plain[fallback_id])
    models = {
        row.name: replace(plain[row.pk], fallbacks=tuple(chains.get(row.pk, ()))) for row in rows
    }
    default = chosen.default_model.name if chosen and chosen.default_model else ""
    return Registry(models, default, currency)


_registry = KeptOfTenant(
    read_registry,
    kinds=("providers",),
    seconds=lambda: settings.PROVIDER_CACHE_SECONDS,
    most=2000,
)


def _resolved(row: ChatModel, currency: str) -> ResolvedModel:
    provider = row.provider
    gate = gate_for(
        current_tenant().schema,
        provider.pk,
        GateLimits(
            provider.requests_per_minute, provider.tokens_per_minute, provider.concurrent_calls
        ),
    )
    price = None
    if row.input_price is not None and row.output_price is not None:
        price = Price(row.input_price, row.output_price, row.cached_input_price)
    return ResolvedModel(
        name=row.name,
        client=_client(row, provider),
        provider=provider.slug,
        price=price,
        currency=currency,
        supports_tools=row.supports_tools,
        gate=gate,
    )


def _client(row: ChatModel, provider: Provider) -> ChatStream:
    for thing, enabled in ((row, row.is_enabled), (provider, provider.is_enabled)):
        if not enabled:
            what = thing._meta.verbose_name
            return UnusableChat(ModelUnknown, f"The {what} {thing} is switched off.")
    return build_client(provider, row.model_id, row.parameters)
