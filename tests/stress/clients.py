"""The stress's clients: each acts for one tenant at a time and knows what it must be shown."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import aiohttp

from tests.stress.ground import PASSWORD
from tests.stress.tally import Tally

PROBES = ("orm", "atomic", "switch", "native", "stream")
ENDS = ("run.completed", "run.failed", "run.cancelled")


class Clients:
    """Clients of `ports`' servers for the tenants `slugs`; what they see goes to `tally`."""

    def __init__(self, tally: Tally, ports: list[int], slugs: list[str]) -> None:
        self.tally, self.ports, self.slugs = tally, ports, slugs
        self.tokens: dict[str, str] = {}
        self.runs: dict[str, list[str]] = {slug: [] for slug in slugs}
        self.http: aiohttp.ClientSession

    async def act(self, scenarios: list[str], seconds: float, workers: int) -> None:
        """Run scenarios at random in `workers` clients at once, until the time is over."""
        timeout = aiohttp.ClientTimeout(total=60)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as self.http:
            if any(name not in (*PROBES, "task") for name in scenarios):
                for slug in self.slugs:
                    self.tokens[slug] = await self._sign_in(slug)
            end = asyncio.get_running_loop().time() + seconds
            await asyncio.gather(*(self._work(scenarios, end, turn) for turn in range(workers)))

    async def _work(self, scenarios: list[str], end: float, turn: int) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < end:
            name = scenarios[turn % len(scenarios)]
            turn += 1
            try:
                await self._scenario(name)(random.choice(self.slugs))
            except (aiohttp.ClientError, TimeoutError, AssertionError, ValueError) as error:
                self.tally.failed(name, f"{type(error).__name__}: {error}")
                await asyncio.sleep(0.05)

    def _scenario(self, name: str) -> Callable[[str], Awaitable[None]]:
        if name in PROBES or name == "task":
            return lambda slug: self._probe(name, slug)
        return {
            "run": self._run,
            "socket": self._socket,
            "lists": self._lists,
            "strangers": self._strangers,
        }[name]

    def _url(self, path: str, port: int | None = None) -> str:
        return f"http://127.0.0.1:{port or random.choice(self.ports)}{path}"

    def _headers(self, slug: str, **more: str) -> dict[str, str]:
        token = {"Authorization": f"Bearer {self.tokens[slug]}"} if slug in self.tokens else {}
        return {"X-Tenant": slug, **token, **more}

    def _other(self, slug: str) -> str:
        return random.choice([each for each in self.slugs if each != slug])

    async def _sign_in(self, slug: str) -> str:
        async with self.http.post(
            self._url("/api/v1/auth/token"),
            headers=self._headers(slug),
            json={"username": f"stress-{slug}", "password": PASSWORD},
        ) as response:
            assert response.status == 200, await response.text()
            return str((await response.json())["access"])

    async def _get(self, path: str, slug: str, status: int = 200) -> Any:
        async with self.http.get(self._url(path), headers=self._headers(slug)) as response:
            assert response.status == status, f"{path}: {response.status} {await response.text()}"
            return await response.json()

    # --- scenarios --------------------------------------------------------------------------------

    async def _probe(self, name: str, slug: str) -> None:
        """A probe of the server; every third stream is left in the middle."""
        leave = random.randrange(2, 30) if name == "stream" else 0
        url = self._url(f"/api/probe/{name}?{self._other(slug)}")
        async with self.http.get(url, headers=self._headers(slug)) as response:
            assert response.status == 200, f"{response.status} {await response.text()}"
            count = 0
            async for line in response.content:
                for seen in json.loads(line):
                    self.tally.read(name, slug, seen)
                count += 1
                if count == leave:
                    response.close()
                    return
        if name == "task":
            self.tally.tasks += 1

    async def _run(self, slug: str) -> None:
        """A run followed over SSE; half of them left, and followed on at any of the servers."""
        said = f"stress {slug} {uuid4().hex}"
        leave = random.choice((0, random.randrange(1, 6)))
        last = run_id = ""
        async with self.http.post(
            self._url("/api/v1/agents/assistant/runs"),
            headers=self._headers(slug),
            json={"input": said, "stream": True},
        ) as response:
            assert response.status == 200, f"{response.status} {await response.text()}"
            async for event in _events(response):
                run_id, last = event["run_id"], event["id"]
                leave -= 1
                if leave == 0:
                    response.close()
                    break
        if leave == 0:
            headers = self._headers(slug, **{"Last-Event-ID": last})
            url = self._url(f"/api/v1/runs/{run_id}/events")
            async with self.http.get(url, headers=headers) as response:
                assert response.status == 200, f"follow: {response.status}"
                async for event in _events(response):
                    self.tally.read("run", run_id, event["run_id"])
        run = await self._get(f"/api/v1/runs/{run_id}", slug)
        self.tally.read("run", said, run["input"])
        self.runs[slug] = [*self.runs[slug][-20:], run_id]

    async def _socket(self, slug: str) -> None:
        """Two runs on one socket; every other time it is dropped during the second."""
        url = self._url("/ws/runs/").replace("http", "ws", 1)
        async with self.http.ws_connect(url, headers={"X-Tenant": slug}) as socket:

            async def hear() -> dict[str, Any]:
                return dict(await socket.receive_json(timeout=30))

            await socket.send_json({"action": "authenticate", "token": self.tokens[slug]})
            assert (await hear())["type"] == "ack"
            for drop in (False, random.random() < 0.5):
                said = f"stress {slug} {uuid4().hex}"
                await socket.send_json(
                    {"action": "start", "kind": "agents", "slug": "assistant", "input": said}
                )
                ack = await hear()
                assert ack["type"] == "ack", ack
                while (event := await hear())["type"] not in ENDS:
                    self.tally.read("socket", ack["run_id"], event["run_id"])
                    if drop:
                        return
                run = await self._get(f"/api/v1/runs/{ack['run_id']}", slug)
                self.tally.read("socket", said, run["input"])

    async def _lists(self, slug: str) -> None:
        me = await self._get("/api/v1/me", slug)
        self.tally.read("lists", f"stress-{slug}", me["username"])
        for run in (await self._get("/api/v1/runs?limit=20", slug))["items"]:
            words = str(run["input"]).split()
            if words and words[0] == "stress":
                self.tally.read("lists", slug, words[1])

    async def _strangers(self, slug: str) -> None:
        """Another tenant's token and another tenant's run get one nothing."""
        other = self._other(slug)
        stranger = {"X-Tenant": slug, "Authorization": f"Bearer {self.tokens[other]}"}
        async with self.http.get(self._url("/api/v1/runs"), headers=stranger) as response:
            self.tally.read("strangers", "refused", _refused(response.status, (401, 403)))
        if self.runs[other]:
            url = self._url(f"/api/v1/runs/{random.choice(self.runs[other])}")
            async with self.http.get(url, headers=self._headers(slug)) as response:
                self.tally.read("strangers", "refused", _refused(response.status, (404,)))


def _refused(status: int, refusals: tuple[int, ...]) -> str:
    return "refused" if status in refusals else f"status {status}"


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])
