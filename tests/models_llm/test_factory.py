"""Which model answers follows from the settings, and an agent can't change where a call goes."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from langchain_core.messages import HumanMessage
from pydantic import ValidationError

from agents.models_llm.demo import DemoChat
from agents.models_llm.factory import chat_model_for, model_identity
from agents.models_llm.lean import LeanChat
from agents.models_llm.protocol import collect
from tests.models_llm.openai_server import OpenAIServer


@pytest.fixture(autouse=True)
def nothing_configured(settings: Any) -> None:
    settings.MODEL_BASE_URL = settings.MODEL_NAME = settings.MODEL_API_KEY = ""


@pytest.mark.parametrize("name", [None, "default", "offline-demo", "gpt-x"])
def test_without_an_endpoint_the_demo_model_answers(settings: Any, name: str | None) -> None:
    settings.DEMO_MODEL_FIRST_DELAY, settings.DEMO_MODEL_DELAY = 0.5, 0.25
    model = chat_model_for(name, {"temperature": 0.3})
    assert isinstance(model, DemoChat)
    assert (model.first_delay, model.delay) == (0.5, 0.25)
    assert model_identity(name) == {"name": "offline-demo", "offline": True}


@pytest.mark.asyncio
async def test_with_an_endpoint_its_model_answers(settings: Any, server: OpenAIServer) -> None:
    settings.MODEL_BASE_URL = server.base_url + "/"
    settings.MODEL_NAME, settings.MODEL_API_KEY = "big", "k-1"
    assert model_identity() == {"name": "big", "offline": False}
    model = chat_model_for("default", {"temperature": 0.3, "top_p": 0.5, "max_tokens": None})
    await collect(model.stream_turn([HumanMessage("hi")]))
    seen = server.requests[0]
    assert (seen.body["model"], seen.body["temperature"], seen.body["top_p"]) == ("big", 0.3, 0.5)
    assert "max_tokens" not in seen.body
    assert seen.headers["Authorization"] == "Bearer k-1"


def test_a_named_model_goes_before_the_default(settings: Any) -> None:
    settings.MODEL_BASE_URL, settings.MODEL_NAME = "http://127.0.0.1:9/v1", "big"
    model = chat_model_for("small", {})
    assert isinstance(model, LeanChat) and model.model == "small"
    assert isinstance(chat_model_for("offline-demo", {}), DemoChat)


def test_equal_specs_share_a_model_and_settings_changes_do_not(settings: Any) -> None:
    settings.MODEL_BASE_URL, settings.MODEL_NAME = "http://127.0.0.1:9/v1", "big"
    first = chat_model_for(None, {"temperature": 0, "seed": 1})
    assert chat_model_for("default", {"seed": 1, "temperature": 0}) is first
    assert chat_model_for(None, {"temperature": 1}) is not first
    settings.MODEL_BASE_URL = "http://127.0.0.1:10/v1"
    assert chat_model_for(None, {"temperature": 0, "seed": 1}) is not first


@pytest.mark.parametrize("name", ["base_url", "api_key", "headers", "total_timeout"])
def test_parameters_never_become_the_clients_own_settings(settings: Any, name: str) -> None:
    settings.MODEL_BASE_URL, settings.MODEL_NAME = "http://127.0.0.1:9/v1", "big"
    model = chat_model_for(None, {name: "elsewhere"})
    assert isinstance(model, LeanChat)
    assert model.base_url == "http://127.0.0.1:9/v1"
    assert model.extra == {name: "elsewhere"}


def test_parameters_cannot_replace_the_conversation(settings: Any) -> None:
    settings.MODEL_BASE_URL, settings.MODEL_NAME = "http://127.0.0.1:9/v1", "big"
    with pytest.raises(ValidationError):
        chat_model_for(None, {"messages": []})


def test_an_endpoint_without_a_model_name_is_a_configuration_error(settings: Any) -> None:
    settings.MODEL_BASE_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(ImproperlyConfigured, match="MODEL_NAME"):
        model_identity()
