"""The console over HTTP: signs in with a cookie, reads pages, sends forms as a browser would."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx

from tests.support.client import PASSWORD
from tests.support.server import Server


class Console:
    """One browser's worth of cookies at one tenant's host."""

    def __init__(self, server: Server, tenant: str) -> None:
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{server.port}",
            headers={"Host": f"{tenant}.localhost:{server.port}"},
            timeout=60,
        )

    def sign_in(self, username: str, password: str = PASSWORD) -> httpx.Response:
        self.get("/admin/login/?next=/admin/")
        return self.post("/admin/login/?next=/admin/", {"username": username, "password": password})

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, path: str, data: dict[str, Any] | None = None) -> httpx.Response:
        token = self.http.cookies.get("csrftoken", "")
        return self.http.post(path, data={"csrfmiddlewaretoken": token, **(data or {})})

    def page(self, path: str, status: int = 200) -> str:
        """The page's words, entities decoded and white space folded."""
        answer = self.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code}\n{answer.text[:2000]}"
        return words(answer.text)

    def told(self, answer: httpx.Response) -> str:
        """What the console says on the page that a form led to."""
        assert answer.status_code == 302, words(answer.text)
        return self.page(answer.headers["location"])

    def fields(self, path: str) -> dict[str, Any]:
        """A form's fields as the page has them: what a browser would send unchanged."""
        answer = self.get(path)
        assert answer.status_code == 200
        return form_fields(answer.text)

    def close(self) -> None:
        self.http.close()


def words(text: str) -> str:
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def form_fields(text: str) -> dict[str, Any]:
    """Inputs, ticked boxes, text areas and selects of the change form, by name."""
    start = text.index('id="content-main"')
    text = text[start:]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input\b[^>]*>", text, flags=re.S):
        name, kind = _attribute(tag, "name"), _attribute(tag, "type") or "text"
        if not name or kind in ("submit", "button"):
            continue
        if kind in ("checkbox", "radio"):
            if re.search(r"\schecked(?=[\s=/>])", tag):  # no class of a style sheet's
                found.setdefault(name, []).append(_attribute(tag, "value") or "on")
            continue
        found[name] = _attribute(tag, "value") or ""
    for name, inner in re.findall(
        r"<textarea\b[^>]*name=\"([^\"]+)\"[^>]*>(.*?)</textarea>", text, flags=re.S
    ):
        found[name] = html.unescape(inner).removeprefix("\n")
    for name, inner in re.findall(
        r"<select\b[^>]*name=\"([^\"]+)\"[^>]*>(.*?)</select>", text, flags=re.S
    ):
        chosen = re.search(r"<option value=\"([^\"]*)\"\s+selected", inner)
        found[name] = html.unescape(chosen[1]) if chosen else ""
    found.pop("csrfmiddlewaretoken", None)
    return found


def _attribute(tag: str, name: str) -> str | None:
    match = re.search(rf"\s{name}=\"([^\"]*)\"", tag)
    return html.unescape(match[1]) if match else None
