"""From the name in a component's spec to a model that can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from agents.models_llm.errors import ModelUnknown
from agents.models_llm.factory import chat_model_for, model_identity
from agents.models_llm.names import DEMO_MODEL_NAME
from agents.providers.build import UnusableChat
from agents.providers.registry import Registry, ResolvedModel, registry


async def resolve(name: str | None, parameters: Mapping[str, Any] | None = None) -> ResolvedModel:
    """The model that `name` means to the active tenant now; never raises for a name.

    "default" or None is the tenant's default model, or the installation's where the tenant has
    chosen none. A tenant with models of its own has no others: an unknown name gives a model whose
    calls fail with `ModelUnknown`. A tenant without uses the installation's under any name; with
    TENANT_MODELS_ONLY there is none for it to use.
    """
    return pick(await registry(), name, parameters)


def pick(
    found: Registry, name: str | None, parameters: Mapping[str, Any] | None = None
) -> ResolvedModel:
    """`resolve` over a registry at hand."""
    wanted = name or "default"
    if wanted == "default":
        wanted = found.default or wanted
    if wanted in found.models:
        return found.models[wanted]
    if settings.TENANT_MODELS_ONLY:
        return _unusable(wanted, "Add a provider and choose a default model in the console.")
    if found.is_empty or wanted in ("default", DEMO_MODEL_NAME):
        known = model_identity(wanted)
        client = chat_model_for(wanted, parameters)
        return ResolvedModel(known["name"], client, offline=known["offline"])
    return _unusable(wanted, "Choose another for the agent and publish it.")


def _unusable(wanted: str, mend: str) -> ResolvedModel:
    said = f"There is no model {wanted!r} here. {mend}"
    return ResolvedModel(wanted, UnusableChat(ModelUnknown, said))
