"""Whose request it is, when proxies stand in front: as far as they are trusted, and no further."""

from __future__ import annotations

import json
import os
import subprocess
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from config.env import EnvError
from config.links import public_url
from config.proxies import Trusted, client_address, counted_as, trusted_proxies
from config.serving import Options, programs
from tests.support.nursery import ROOT
from tests.support.ports import free_port
from tests.support.waiting import until

INSIDE: Trusted = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        ("203.0.113.9", "198.51.100.1", 0, "203.0.113.9"),  # nobody is trusted
        ("10.0.0.1", "198.51.100.1", 1, "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", 1, "198.51.100.1"),  # the client's own invention
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", 2, "198.51.100.1"),
        ("10.0.0.1", "", 1, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", 2, "10.0.0.1"),  # fewer hops than promised: not by a proxy
        ("10.0.0.1", "nonsense", 1, "10.0.0.1"),
        ("", "198.51.100.1:4711", 1, "198.51.100.1"),  # a Unix socket
        ("", "", 1, None),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", INSIDE, "198.51.100.1"),
        ("203.0.113.9", "1.2.3.4", INSIDE, "203.0.113.9"),  # not from a trusted network
        ("10.0.0.1", "1.2.3.4, nonsense", INSIDE, "10.0.0.1"),
        ("fd00::1", "[2001:db8::7]:443", INSIDE, "2001:db8::7"),
        ("::ffff:10.0.0.1", "198.51.100.1", INSIDE, "198.51.100.1"),
    ],
)
def test_the_client_is_whom_the_trusted_proxies_name(
    peer: str, forwarded: str, trusted: Trusted, client: str | None
) -> None:
    found = client_address(peer, forwarded, trusted)
    assert (str(found) if found else None) == client


def test_limits_count_by_address_and_by_the_network_of_an_ipv6_client() -> None:
    def counted(text: str) -> str:
        return counted_as(client_address(text, "", 0))

    assert counted("198.51.100.1") == "198.51.100.1"
    assert counted("2001:db8:1:2::7") == counted("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert counted_as(None) == ""


def test_what_can_not_be_used_is_refused_with_what_was_expected() -> None:
    assert trusted_proxies([]) == 0 and trusted_proxies(["2"]) == 2
    assert trusted_proxies(["10.0.0.0/8", "fd00::/8"]) == INSIDE
    with pytest.raises(EnvError, match="expected a number of proxies, or networks"):
        trusted_proxies(["my-proxy"])
    assert public_url("https://{host}/") == "https://{host}"
    for wrong in ("{host}", "https://example.com", "ftp://{host}"):
        with pytest.raises(EnvError, match="PUBLIC_URL"):
            public_url(wrong)


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_no_server_takes_a_forwarded_address_for_its_client(
    database: None, tmp_path: Path, kind: str
) -> None:
    """As `manage.py up` starts it: the proxies are for TRUSTED_PROXIES to believe, or not."""
    port = free_port()
    options = Options(
        data_dir=Path(os.environ["DATA_DIR"]),
        host="127.0.0.1",
        port=port,
        server=kind,
        database_url="",
        demo=False,
    )
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "ACCESS_LOG": "1",
        "LOG_FORMAT": "json",
    }
    log = tmp_path / "log"
    with log.open("wb") as out:
        web = subprocess.Popen(programs(options)[0].argv, cwd=ROOT, env=env, stderr=out)
    try:
        asked = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        until(lambda: _ask(f"http://127.0.0.1:{port}/healthz", asked), seconds=60)
        lines = until(lambda: [line for line in log.read_text().splitlines() if "client" in line])
        assert {json.loads(line)["client"] for line in lines} == {"127.0.0.1"}
    finally:
        web.terminate()
        web.wait(60)


def _ask(url: str, headers: dict[str, str]) -> bool:
    try:
        return httpx.get(url, headers=headers).status_code == 200
    except httpx.HTTPError:
        return False
