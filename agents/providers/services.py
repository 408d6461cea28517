"""What may be done to a tenant's providers, whoever asks: the rules beside the rows."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.db.models.signals import post_delete, post_save
from django.utils import timezone
from yarl import URL

from agents.models import Agent
from agents.providers.kinds import NEEDS_KEY
from agents.providers.models import ChatModel, Fallback, ModelSettings, Provider
from agents.providers.registry import read_registry, tell_all
from config.errors import Invalid
from tenants.secret_field import put_secret


def keep_key(provider: Provider, key: str) -> None:
    """Seal `key` into the provider; "" takes the key away. The caller saves the row."""
    put_secret(provider, "api_key", key.strip())
    provider.api_key_set_at = timezone.now() if provider.api_key else None


def needs_key_again(before: Provider, after: Provider) -> bool:
    """Whether a stored key would go somewhere new by this change.

    Nobody who may change an address could read the key, but they could have it sent to a host of
    their own: so a new origin takes a new key.
    """
    return bool(before.api_key) and _origin(before) != _origin(after)


def _origin(provider: Provider) -> Any:
    try:
        return URL(provider.address).origin()
    except ValueError:
        return None


def wants_key(provider: Provider) -> bool:
    """Whether a provider of this kind answers nobody without a key, and has none."""
    return provider.kind in NEEDS_KEY and not provider.api_key


def agents_using(name: str) -> list[str]:
    """Names of the agents whose draft or published revision asks for this model."""
    asks = Q(model=name) | Q(published__spec__model__name=name)
    return list(Agent.objects.filter(asks, is_archived=False).values_list("name", flat=True))


def model_choices() -> list[tuple[str, str]]:
    """(name, label) of what an agent may ask for; empty where the tenant has no model."""
    rows = list(ChatModel.objects.select_related("provider").order_by("name"))
    if not rows:
        return []
    chosen = ModelSettings.objects.select_related("default_model").filter(pk=1).first()
    default = chosen.default_model.name if chosen and chosen.default_model else "the installation's"
    return [("default", f"default ({default})"), *((row.name, _label(row)) for row in rows)]


def _label(row: ChatModel) -> str:
    notes = [row.provider.name]
    if row.context_tokens:
        notes.append(f"{row.context_tokens:,} tokens")
    if not row.supports_tools:
        notes.append("no tools")
    if not (row.is_enabled and row.provider.is_enabled):
        notes.append("switched off")
    return f"{row.name} ({', '.join(notes)})"


def check_model(name: str, *, with_tools: bool) -> None:
    """Raises Invalid when an agent with this model could not be run by this tenant."""
    found = read_registry()
    wanted = found.default if name in ("", "default") else name
    if found.is_empty or not wanted:
        return
    model = found.models.get(wanted)
    if model is None:
        if wanted == "offline-demo":
            return
        raise Invalid(
            f"There is no model {name!r}: the models are {', '.join(sorted(found.models))}.",
            code="model_unknown",
        )
    if with_tools and not model.supports_tools:
        raise Invalid(
            f"The model {wanted!r} can't call tools, and the agent has some.", code="model_no_tools"
        )


def _changed(**kwargs: Any) -> None:
    tell_all()


def connect() -> None:
    """Any change of a row, from wherever, is told to every process on commit."""
    for model in (Provider, ChatModel, Fallback, ModelSettings):
        for signal in (post_save, post_delete):
            signal.connect(_changed, sender=model, dispatch_uid=f"tell {model.__name__}")
