"""The lists that must stay quick however long a tenant's past is, and who looks at them."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from benchmarks.seed import RARE_AGENT, WORD, Known

PASSWORD = "demo-demo"
Door = Literal["console", "web", "platform", "api"]


@dataclass(frozen=True)
class Page:
    """`path` at one of the four doors, as `who`: the tenant's owner or its busiest member."""

    name: str
    door: Door
    path: str
    who: str = "owner"
    counts: bool = False
    """It is asked to count: the overview its last day, a list with `count=true`."""


def _cursor(*values: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def pages(known: Known, deep: int) -> list[Page]:
    """Every list with each of its filters; `deep` is a page of the console far back."""
    runs, sessions = "/admin/agents/run/", "/admin/agents/session/"
    console = [
        Page("overview", "console", "/admin/", counts=True),
        Page("runs", "console", runs),
        Page(f"runs, page {deep:,}", "console", f"{runs}?p={deep}"),
        *(
            Page(f"runs, status {status}", "console", f"{runs}?status={status}")
            for status in ("completed", "needs_review", "live")
        ),
        Page("runs of a rare agent", "console", f"{runs}?slug={RARE_AGENT}"),
        Page("runs of the busiest member", "console", f"{runs}?member=member"),
        Page("runs of a quiet member", "console", f"{runs}?member=seeded199"),
        Page("runs over 5 s", "console", f"{runs}?took=5"),
        Page("runs over 10 min", "console", f"{runs}?took=600"),
        Page("runs of old days", "console", f"{runs}?created_at_to=2000-01-01"),
        Page("run by id", "console", f"{runs}?q={known.run_id}"),
        Page("run by trace", "console", f"{runs}?q={known.trace_id}"),
        Page("runs by session", "console", f"{runs}?q={known.session_id}"),
        Page("runs by a word", "console", f"{runs}?q={WORD}"),
        Page("runs by no word", "console", f"{runs}?q=nothing-like-this"),
        Page("a run", "console", f"{runs}{known.run_id}/change/"),
        Page("sessions", "console", sessions),
        Page(f"sessions, page {deep // 5:,}", "console", f"{sessions}?p={max(2, deep // 5)}"),
        Page("sessions of a rare agent", "console", f"{sessions}?slug={RARE_AGENT}"),
        Page("sessions of a quiet member", "console", f"{sessions}?member=seeded199"),
        Page("sessions by a word", "console", f"{sessions}?q={WORD}"),
        Page("a session", "console", f"{sessions}{known.session_id}/change/"),
        Page("members", "console", "/admin/accounts/member/"),
        Page("fleet", "platform", "/admin/tickets/ticket/", who="root"),
    ]
    at = f"{known.session_at}~{known.session_id}".replace("+", "%2B").replace(" ", "T")
    web = [
        Page("home with latest sessions", "web", "/", who="member"),
        Page("sessions", "web", "/sessions/", who="member"),
        Page("sessions, far back", "web", f"/sessions/more/?after={at}", who="member"),
        Page("sessions by a word", "web", f"/sessions/?q={WORD}", who="member"),
        Page("a session", "web", f"/chat/assistant/{known.session_id}/", who="member"),
    ]
    return [*console, *web, *_api(known)]


def _api(known: Known) -> list[Page]:
    back, session = _cursor(known.run_id), known.session_id
    last_used = _cursor(known.session_at, session)
    filters = {
        "": "",
        ", limit 500": "?limit=500",
        ", status completed": "?status=completed",
        ", status needs_review": "?status=needs_review",
        ", status queued": "?status=queued",
        ", a rare agent": f"?slug={RARE_AGENT}",
        ", of a session": f"?session_id={session}",
        ", far back": f"?cursor={back}",
        ", status failed, far back": f"?status=failed&cursor={back}",
    }
    return [
        *(
            Page(f"GET /runs{name} ({whose})", "api", f"/runs{query}", who=who)
            for who, whose in (("owner", "all"), ("member", "own"))
            for name, query in filters.items()
        ),
        Page("GET /runs, counted (own)", "api", "/runs?count=true", who="member", counts=True),
        Page("GET /runs/{id}/steps", "api", f"/runs/{known.run_id}/steps", who="member"),
        Page("GET /sessions", "api", "/sessions", who="member"),
        Page("GET /sessions, far back", "api", f"/sessions?cursor={last_used}", who="member"),
        Page("GET /sessions, a rare agent", "api", f"/sessions?slug={RARE_AGENT}", who="member"),
        Page("GET /sessions/{id}/messages", "api", f"/sessions/{session}/messages", who="member"),
    ]


@dataclass
class Visitor:
    """Signs in where a page asks for it, once for each door and member."""

    port: int
    tenant: str
    clients: dict[tuple[str, str], httpx.Client] = field(default_factory=dict)

    def get(self, page: Page) -> tuple[httpx.Response, float]:
        """The answer and how many milliseconds it took."""
        client = self._client(page)
        begun = time.perf_counter()
        answer = client.get(page.path)
        return answer, (time.perf_counter() - begun) * 1000

    def queries(self) -> list[str]:
        """What the server asked of the database since the last time (benchmarks/recording.py)."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/bench/queries")
        return [sql for sql, _ in answer.json()]

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def _client(self, page: Page) -> httpx.Client:
        door = "web" if page.door == "console" else page.door
        if (door, page.who) not in self.clients:
            made = self._api_client(page.who) if door == "api" else self._cookies(door, page.who)
            self.clients[door, page.who] = made
        return self.clients[door, page.who]

    def _api_client(self, who: str) -> httpx.Client:
        base = f"http://127.0.0.1:{self.port}/api/v1"
        client = httpx.Client(base_url=base, headers={"X-Tenant": self.tenant}, timeout=60)
        login = {"username": who, "password": PASSWORD}
        token: dict[str, Any] = client.post("/auth/token", json=login).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {token['access']}"
        return client

    def _cookies(self, door: str, who: str) -> httpx.Client:
        host = "platform" if door == "platform" else self.tenant
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Host": f"{host}.localhost:{self.port}"},
            timeout=60,
        )
        # Members without a right in the console sign in to the web app.
        form = "/admin/login/?next=/admin/" if door == "platform" else "/sign-in/?next=/"
        client.get(form)
        token = client.cookies.get("csrftoken", "")
        data = {"csrfmiddlewaretoken": token, "username": who, "password": PASSWORD}
        answer = client.post(form, data=data)
        assert answer.status_code == 302, answer.text[:2000]
        return client
