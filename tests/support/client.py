"""An HTTP client signed in to one tenant, and reading of event streams."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.server import Server

PASSWORD = "demo-demo"


class Api:
    """Calls `/api/v1` of one tenant, by X-Tenant, as one member."""

    def __init__(self, server: Server, tenant: str, token: str | None) -> None:
        headers = {"X-Tenant": tenant}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.tenant = tenant
        self.token = token
        self.since = time.monotonic()
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{server.port}/api/v1", headers=headers, timeout=60
        )

    @classmethod
    def signed_in(cls, server: Server, tenant: str, username: str) -> Api:
        anonymous = cls(server, tenant, None)
        answer = anonymous.post("/auth/token", json={"username": username, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        anonymous.close()
        return cls(server, tenant, answer.json()["access"])

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.http.get(path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.http.post(path, **kwargs)

    def run(self, input: str, slug: str = "assistant", **fields: Any) -> dict[str, Any]:
        """A finished run."""
        answer = self.post(f"/agents/{slug}/runs", json={"input": input, **fields})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @contextmanager
    def stream(self, method: str, path: str, **kwargs: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """The events of a stream as they come; leaving the block hangs up."""
        with self.http.stream(method, path, **kwargs) as response:
            if response.status_code != 200:
                response.read()
                raise AssertionError(f"{response.status_code}: {response.text}")
            assert response.headers["content-type"].startswith("text/event-stream")
            yield events(response.iter_lines())

    @property
    def old(self) -> bool:
        """Whether the token may end in the middle of a test: it is good for half an hour."""
        return time.monotonic() - self.since > 900

    def close(self) -> None:
        self.http.close()

    def __del__(self) -> None:
        self.close()


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Server-sent events as their data, checked to agree with their id and event lines."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            if not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            continue
        if fields:
            data = json.loads(fields["data"])
            assert data["id"] == fields["id"]
            assert data["type"] == fields["event"]
            yield data
            fields = {}


def text_of(seen: list[dict[str, Any]]) -> str:
    """The answer as a client puts it together from the pieces it was given."""
    texts: dict[tuple[str, int], str] = {}
    order: list[tuple[str, int]] = []
    for event in seen:
        if event["type"] == "message.delta":
            key = (event["run_id"], event["step"])
            if key not in texts:
                order.append(key)
            before = texts.get(key, "")
            texts[key] = before[: event["offset"]] + event["text"]
    return "".join(texts[key] for key in order)
