"""Which addresses a provider may have: by name when written, by address at each connect."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.messages import HumanMessage

from agents.models_llm.addresses import why_not_address, why_not_url
from agents.models_llm.connections import aclose_all
from agents.models_llm.errors import AddressForbidden
from agents.models_llm.lean import LeanChat
from agents.models_llm.protocol import collect
from tests.models_llm.anthropic_server import AnthropicServer
from tests.models_llm.openai_server import OpenAIServer

NEVER = [
    "169.254.169.254",
    "fe80::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "100.100.100.200",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]
PRIVATE = ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "fd12::1", "100.64.0.1"]
PRIVATE += ["::ffff:127.0.0.1", "64:ff9b::7f00:1"]
PUBLIC = ["1.1.1.1", "2606:4700:4700::1111"]


@pytest.mark.parametrize("private", [True, False])
def test_addresses_are_sorted_by_what_lies_there(settings: Any, private: bool) -> None:
    settings.PROVIDER_PRIVATE_NETWORKS = private

    def refused(text: str) -> bool:
        return why_not_address(ipaddress.ip_address(text)) is not None

    assert [text for text in NEVER if not refused(text)] == []
    assert [text for text in PRIVATE if refused(text) is private] == []
    assert [text for text in PUBLIC if refused(text)] == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://api.openai.com/v1", None),
        ("ftp://models.example.com", "should look like"),
        ("models.example.com/v1", "should look like"),
        ("https://", "should look like"),
        ("https://u:p@models.example.com", "no name or password"),
        ("https://models.example.com/v1?key=1", "no ?"),
        ("http://models.example.com/v1", "https"),
        ("https://10.0.0.7/v1", "private network"),
        ("https://169.254.169.254/latest", "never allowed"),
        ("https://[::1]:8443/v1", "private network"),
        ("https://models.example.com:99999/v1", "no address"),
    ],
)
def test_what_is_written_as_an_address_is_checked(
    settings: Any, url: str, told: str | None
) -> None:
    settings.PROVIDER_PRIVATE_NETWORKS = False
    reason = why_not_url(url)
    assert (reason is None) if told is None else (told in (reason or "")), reason


def test_a_list_of_hosts_lets_in_those_alone(settings: Any) -> None:
    settings.PROVIDER_ALLOWED_HOSTS = ["api.openai.com", ".openai.azure.com"]
    assert why_not_url("https://API.openai.com/v1") is None
    assert why_not_url("https://acme.openai.azure.com") is None
    for host in ("openai.azure.com", "evil.com", "api.openai.com.evil.com", "127.0.0.1"):
        assert "not among" in (why_not_url(f"https://{host}/v1") or ""), host


@pytest_asyncio.fixture
async def other() -> AsyncIterator[AnthropicServer]:
    server = AnthropicServer()
    await server.start()
    yield server
    await aclose_all()
    await server.stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_connect_to_a_private_address_is_refused_whatever_the_name(
    settings: Any, server: OpenAIServer, host: str
) -> None:
    """A name passes when it is written; what it stands for is looked at when it is called."""
    settings.PROVIDER_PRIVATE_NETWORKS = False
    url = f"http://{host}:{server.port}/v1"
    guarded = LeanChat(model="m", base_url=url, tenant="acme")
    with pytest.raises(AddressForbidden, match="private network") as caught:
        await collect(guarded.stream_turn([HumanMessage("Hi")]))
    assert not caught.value.retryable and server.requests == []
    # The installation's own endpoint is the deployer's choice.
    assert (await collect(LeanChat(model="m", base_url=url).stream_turn([HumanMessage("Hi")]))).text


async def test_the_guard_holds_for_a_providers_own_package_too(
    settings: Any, other: AnthropicServer
) -> None:
    from tests.models_llm.test_anthropic import chat

    settings.PROVIDER_PRIVATE_NETWORKS = False
    with pytest.raises(AddressForbidden):
        await collect(chat(other).stream_turn([HumanMessage("Hi")]))
    assert other.requests == []


async def test_a_tenant_has_connections_of_its_own(server: OpenAIServer) -> None:
    url = f"http://127.0.0.1:{server.port}/v1"
    for tenant in ("acme", "globex", "acme"):
        model = LeanChat(model="m", base_url=url, tenant=tenant)
        await collect(model.stream_turn([HumanMessage("Hi")]))
    acme, globex, again = (seen.peer for seen in server.requests)
    assert acme == again != globex
