"""How much waits for a member, over the socket: counted for them alone, and told as it changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from tests.approvals.making import Careful, decide, waiting
from tests.runtime.test_socket import hear, opened, say
from tests.support.server import Server

pytestmark = pytest.mark.usefixtures("committed")


def counted(socket: ClientConnection) -> int:
    say(socket, action="inbox", ref="inbox")
    answer = hear(socket)
    assert answer["type"] == "ack" and answer["action"] == "inbox", answer
    return int(answer["waiting"])


@contextmanager
def watching(server: Server, api: Any, tenant: str, name: str) -> Iterator[ClientConnection]:
    with opened(server, tenant) as socket:
        say(socket, action="authenticate", token=api(tenant, name).token)
        assert hear(socket)["type"] == "ack"
        yield socket


def told(socket: ClientConnection) -> int:
    frame = hear(socket)
    assert frame["type"] == "inbox", frame
    return int(frame["waiting"])


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_approvers_and_requesters_are_told_of_what_is_theirs(
    server: Server, api: Any, tenant: str
) -> None:
    signed = Careful(tenant, {"create_note": {"tier": "admin"}}).make()
    own = Careful(tenant, {"create_note": {"tier": "user"}}).make()
    member, approver = api(tenant, "member"), api(tenant, "approver")
    with (
        watching(server, api, tenant, "member") as mine,
        watching(server, api, tenant, "approver") as theirs,
        watching(server, api, "globex" if tenant == "acme" else "acme", "approver") as other,
    ):
        at_first, to_sign, elsewhere = counted(mine), counted(theirs), counted(other)
        run = member.run(f"Create a note saying {signed.slug}", slug=signed.slug)
        assert told(theirs) == to_sign + 1
        [approval] = waiting(approver, run["id"])
        assert decide(approver, approval["id"], "reject").status_code == 200
        assert told(theirs) == to_sign
        # The member's own sign-off is for others: only their own consent counts for them.
        run = member.run(f"Create a note saying {own.slug}", slug=own.slug)
        assert told(mine) == at_first + 1
        member.post(f"/runs/{run['id']}/cancel")
        assert told(mine) == at_first
        assert counted(other) == elsewhere
        # Nobody else heard of what was not theirs.
        assert counted(theirs) == to_sign


def test_four_eyes_and_roles_leave_out_what_one_may_not_decide(server: Server, api: Any) -> None:
    grants = {"create_note": {"tier": "admin", "decider_roles": ["owner"]}}
    agent = Careful("acme", grants).make()
    with (
        watching(server, api, "acme", "approver") as approver,
        watching(server, api, "acme", "owner") as owner,
    ):
        not_theirs, before = counted(approver), counted(owner)
        run = api("acme", "owner").run(f"Create a note saying {agent.slug}", slug=agent.slug)
        assert counted(owner) == before  # one's own request is another's to sign off
        api("acme", "owner").post(f"/runs/{run['id']}/cancel")
        run = api("acme", "member").run(f"Create a note saying {agent.slug}", slug=agent.slug)
        assert told(owner) == before + 1
        assert counted(approver) == not_theirs
        [approval] = waiting(api("acme", "owner"), run["id"])
        assert decide(api("acme", "owner"), approval["id"], "reject").status_code == 200


def test_whoever_may_not_see_approvals_is_refused(server: Server, api: Any) -> None:
    with opened(server, "acme") as socket:
        say(socket, action="inbox")
        assert hear(socket)["problem"]["status"] == 401
