"""Which model answers: the configured endpoint's, or the offline demo model.

Settings: MODEL_BASE_URL (like http://127.0.0.1:9999/v1), MODEL_NAME, MODEL_API_KEY; and for the
demo model's pace DEMO_MODEL_FIRST_DELAY and DEMO_MODEL_DELAY in seconds.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pydantic import SecretStr

from agents.models_llm.names import DEMO_MODEL_NAME
from agents.models_llm.protocol import ChatStream

_MOST_CACHED = 256
_OWN_FIELDS = frozenset({"temperature", "max_tokens", "max_tokens_name", "seed"})
_models: OrderedDict[tuple[str, ...], ChatStream] = OrderedDict()
_lock = threading.Lock()


def chat_model_for(name: str | None, parameters: Mapping[str, Any] | None = None) -> ChatStream:
    """The model for a component's model spec. Equal specs share one model.

    `name` None or "default" is the installation's model. Without an endpoint every name is answered
    by the demo model, which says what it is. `parameters` may set what goes into a request, and
    nothing of where it goes. Raises ImproperlyConfigured when an endpoint has no model name.
    """
    base_url, key = _setting("MODEL_BASE_URL"), _setting("MODEL_API_KEY")
    resolved, offline = _resolve(name)
    given = {n: v for n, v in (parameters or {}).items() if v is not None and n != "name"}
    pace = (
        float(getattr(settings, "DEMO_MODEL_FIRST_DELAY", 0.15)),
        float(getattr(settings, "DEMO_MODEL_DELAY", 0.025)),
    )
    if offline:
        cache_key = ("demo", *map(repr, pace))
    else:
        cache_key = ("lean", resolved, base_url, key, json.dumps(given, sort_keys=True))
    with _lock:
        model = _models.get(cache_key)
        if model is None:
            model = _demo(pace) if offline else _lean(resolved, base_url, key, given)
            _models[cache_key] = model
            if len(_models) > _MOST_CACHED:
                _models.popitem(last=False)
        else:
            _models.move_to_end(cache_key)
    return model


def model_identity(name: str | None = None) -> dict[str, Any]:
    """`{name, offline}` as runs, events and pages show it."""
    resolved, offline = _resolve(name)
    return {"name": resolved, "offline": offline}


def _resolve(name: str | None) -> tuple[str, bool]:
    if not _setting("MODEL_BASE_URL") or name == DEMO_MODEL_NAME:
        return DEMO_MODEL_NAME, True
    if name and name != "default":
        return name, False
    configured = _setting("MODEL_NAME")
    if not configured:
        raise ImproperlyConfigured("MODEL_BASE_URL is set, so MODEL_NAME must name a model.")
    return configured, False


# Commands ask no model, and LangChain's interface, which every model has, takes half a second to
# import. Processes that carry runs import them when they start.


def _demo(pace: tuple[float, float]) -> ChatStream:
    from agents.models_llm.demo import DemoChat

    return DemoChat(first_delay=pace[0], delay=pace[1])


def _lean(name: str, base_url: str, key: str, given: dict[str, Any]) -> ChatStream:
    from agents.models_llm.lean import LeanChat

    own = {field: value for field, value in given.items() if field in _OWN_FIELDS}
    extra = {field: value for field, value in given.items() if field not in _OWN_FIELDS}
    own.setdefault("connection_limit", settings.MODEL_CONNECTIONS)
    return LeanChat(model=name, base_url=base_url, api_key=SecretStr(key), extra=extra, **own)


def _setting(name: str) -> str:
    return str(getattr(settings, name, "") or "").strip()
