"""The catalogue's components over HTTP: started at once, and looked at when they have ended."""

from __future__ import annotations

from typing import Any

from agents.catalog.files import slugs
from agents.catalog.install import install_each
from tenants.context import use_shared
from tests.support.client import Api
from tests.support.waiting import until
from tests.teams.making import flat, tree

TENANTS = ("acme", "globex")
OVER = ("completed", "failed", "cancelled", "paused", "needs_review")


def ref(tenant: str) -> Any:
    from tenants.models import Tenant

    with use_shared():
        return Tenant.objects.get(schema_name=tenant).ref


def install_catalog() -> list[Any]:
    """What became of each shipped component in the active tenant."""
    return [done for _, done in install_each(slugs())]


def run(client: Api, kind: str, slug: str, input: Any, **headers: str) -> dict[str, Any]:
    """The run as it is answered: ended, or waiting for people."""
    answer = client.post(f"/{kind}/{slug}/runs", json={"input": input}, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def run_all(client: Api, kind: str, inputs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Several at the same time, by their slugs."""
    begun = {}
    for slug, input in inputs.items():
        body = {"input": input, "background": True}
        answer = client.post(f"/{kind}/{slug}/runs", json=body)
        assert answer.status_code == 202, answer.text
        begun[slug] = answer.json()["id"]
    return {slug: over(client, run_id) for slug, run_id in begun.items()}


def over(client: Api, run_id: str, *, not_yet: str = "") -> dict[str, Any]:
    """The run when it has ended, or waits; `not_yet` is a status that it is still to leave."""

    def look() -> dict[str, Any]:
        return dict(client.get(f"/runs/{run_id}").json())

    return until(look, lambda one: one["status"] in OVER and one["status"] != not_yet, seconds=60)


def children(client: Api, run_id: str) -> list[dict[str, Any]]:
    """The runs right below this one."""
    return list(tree(client, run_id)["children"])


def whole_tree(client: Api, run_id: str) -> list[dict[str, Any]]:
    return flat(tree(client, run_id))


def slugs_of(runs: list[dict[str, Any]]) -> list[str]:
    return sorted(one["component"]["slug"] for one in runs)


def steps_of(client: Api, run_id: str) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in client.get(f"/runs/{run_id}/steps").json()["items"]}
