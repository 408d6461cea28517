"""A ticket's priority is the user's to say; a page is the client's to make."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agents.desk.models import SupportTicket
from agents.tools import registry
from agents.tools.calling import parse_arguments
from tenants.context import TenantRef, use_tenant

pytestmark = pytest.mark.django_db


def form(**filled: Any) -> Any:
    tool = registry.get("create_support_ticket")
    assert tool.asks is not None
    return tool.asks(parse_arguments(tool, {"problem": "x"})).model_validate(filled)


def test_a_ticket_has_the_priority_that_the_form_says(desk: Any, globex: TenantRef) -> None:
    filled = form(priority="urgent", contact="room 12")
    told = desk("create_support_ticket", form=filled, problem="The printer is on fire")
    ticket = SupportTicket.objects.get(pk=told["ticket_id"])
    assert (ticket.problem, ticket.priority) == ("The printer is on fire", "urgent")
    assert ticket.contact == "room 12"
    with use_tenant(globex):
        assert not SupportTicket.objects.exists()


def test_the_same_call_again_opens_no_second_ticket(desk: Any) -> None:
    filled = form(priority="low")
    first = desk("create_support_ticket", key="one", form=filled, problem="x")
    assert desk("create_support_ticket", key="one", form=filled, problem="x") == first
    assert SupportTicket.objects.count() == 1


@pytest.mark.parametrize("wrong", [{}, {"priority": "soon"}, {"priority": "low", "who": "me"}])
def test_a_form_that_does_not_say_it_is_refused(db: None, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        form(**wrong)


def test_a_page_is_done_by_the_client() -> None:
    tool = registry.get("page_on_call")
    assert tool.external and tool.handler is None
