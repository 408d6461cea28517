"""Pages as the server makes them: empty states, error pages, and how much they ask the database."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents.models import Agent, Message, Run, Session, Step, Team
from agents.web import errors
from agents.web.transcript import PAGE, transcript
from agents.web.views.chat import session as session_page
from agents.web.views.chat import team_session as team_session_page
from agents.web.views.home import home
from agents.web.views.sessions import sessions as sessions_page
from tenants.accounts.models import Member


def _get(member: Any, tenant: Any, path: str = "/", **headers: str) -> Any:
    request = RequestFactory().get(path, headers=headers)
    request.user, request.tenant = member, tenant
    return request


def _talk(member: Any, runs: int, steps: int) -> Session:
    """A session with finished runs, each with tool calls and an answer."""
    revision = Agent.objects.get(slug="assistant").published
    made = Session.objects.create(member=member, slug="assistant", title="A talk")
    for number in range(runs):
        run = Run.objects.create(
            revision=revision,
            slug="assistant",
            session=made,
            member=member,
            status="completed",
            input=f"question {number}",
            output=f"answer {number}",
            trace_id="0" * 32,
        )
        said = ((0, "user", f"question {number}"), (1, "assistant", f"answer {number}"))
        for position, role, content in said:
            Message.objects.create(
                session=made, run=run, position=position, role=role, content=content
            )
        for seq in range(1, steps + 1):
            Step.objects.create(
                run=run,
                seq=seq,
                key=f"tool:{seq}",
                kind="tool",
                name="calculator",
                status="finished",
                input={"arguments": {"expression": "1+1"}},
                output={"text": "2", "data": 2},
                started_position=seq * 2,
                finished_position=seq * 2 + 1,
            )
    return made


def test_without_agents_the_page_says_what_to_do(acme: Any, acme_member: Any) -> None:
    Agent.objects.update(is_archived=True)
    Team.objects.update(is_archived=True)
    shown = home(_get(acme_member, acme)).content.decode()
    assert "No agents yet" in shown
    assert "Ask someone with the role builder" in shown
    builder = Member.objects.get(username="builder")
    shown = home(_get(builder, acme)).content.decode()
    assert 'href="/admin/"' in shown and "Open the console" in shown


def test_an_agent_that_isn_t_for_one_s_role_is_no_card(acme: Any, acme_member: Any) -> None:
    from django.contrib.auth.models import Group

    from agents.services.publish_agent import publish_agent

    agent = Agent.objects.get(slug="assistant")
    Agent.objects.exclude(pk=agent.pk).update(is_archived=True)
    Team.objects.update(is_archived=True)
    agent.run_roles.set([Group.objects.get(name="builder")])
    publish_agent(None, agent.pk)
    assert "No agents yet" in home(_get(acme_member, acme)).content.decode()
    builder = Member.objects.get(username="builder")
    assert "Answers questions" in home(_get(builder, acme)).content.decode()


def test_a_conversation_with_an_agent_that_is_gone_can_still_be_read(
    acme: Any, acme_member: Any
) -> None:
    made = _talk(acme_member, runs=1, steps=1)
    Agent.objects.update(is_archived=True)
    request = _get(acme_member, acme, reverse("web:session", args=["assistant", made.pk]))
    shown = session_page(request, "assistant", made.pk).content.decode()
    assert "answer 0" in shown
    assert "can’t be talked to any more" in shown  # noqa: RUF001 - as the page words it
    assert 'id="composer"' not in shown


def test_a_page_asks_the_database_no_more_for_a_longer_conversation(
    acme: Any, acme_member: Any
) -> None:
    def asked(made: Session) -> int:
        path = reverse("web:session", args=["assistant", made.pk])
        member = Member.objects.get(pk=acme_member.pk)
        with CaptureQueriesContext(connection) as queries:
            session_page(_get(member, acme, path), "assistant", made.pk)
        return len(queries)

    short, long = _talk(acme_member, runs=2, steps=1), _talk(acme_member, runs=15, steps=4)
    assert asked(long) == asked(short) <= 9


def test_the_list_asks_the_database_no_more_for_more_sessions(acme: Any, acme_member: Any) -> None:
    def asked() -> int:
        member = Member.objects.get(pk=acme_member.pk)
        with CaptureQueriesContext(connection) as queries:
            sessions_page(_get(member, acme, "/sessions/"))
        return len(queries)

    _talk(acme_member, runs=1, steps=0)
    few = asked()
    for _ in range(20):
        Session.objects.create(member=acme_member, slug="assistant", title="Another")
    assert asked() == few <= 4


def test_the_newest_runs_come_first_and_the_rest_when_asked_for(
    acme: Any, acme_member: Any
) -> None:
    made = _talk(acme_member, runs=PAGE + 3, steps=0)
    newest = transcript(made)
    assert [run.input for run in newest.runs] == [f"question {n}" for n in range(3, PAGE + 3)]
    rest = transcript(made, newest.earlier)
    assert [run.input for run in rest.runs] == ["question 0", "question 1", "question 2"]
    assert rest.earlier is None


def test_a_live_run_is_left_to_the_script(acme: Any, acme_member: Any) -> None:
    made = _talk(acme_member, runs=1, steps=2)
    run = Run.objects.get(session=made)
    Run.objects.filter(pk=run.pk).update(status="running")
    path = reverse("web:session", args=["assistant", made.pk])
    shown = session_page(_get(acme_member, acme, path), "assistant", made.pk).content.decode()
    thread = shown.partition('id="thread"')[2].partition("<template")[0]
    assert f'data-live-run="{run.pk}"' in shown
    assert "question 0" in thread
    assert 'class="tool"' not in thread and "answer 0" not in thread


def test_error_pages_need_no_database() -> None:
    request = RequestFactory().get("/somewhere/")

    def refuse(*args: Any) -> Any:
        raise AssertionError("an error page asked the database")

    with connection.execute_wrapper(refuse):
        pages = {
            403: errors.forbidden(request, PermissionDenied()),
            404: errors.not_found(request),
            500: errors.server_error(request),
        }
        outdated = errors.csrf_failure(request, "CSRF token missing.")
    for status, page in pages.items():
        assert page.status_code == status
        assert re.search(rf'class="error-status">{status}<', page.content.decode())
    assert outdated.status_code == 403
    assert "out of date" in outdated.content.decode()


def _of_team(member: Any, runs: int) -> Session:
    """A session with a team whose member answered, by a tool call, in each run."""
    made = _talk(member, runs=runs, steps=0)
    Session.objects.filter(pk=made.pk).update(kind="team", slug="crew")
    made.refresh_from_db()
    for run in Run.objects.filter(session=made):
        fields = {"trace_id": run.trace_id, "revision": run.revision, "session": made}
        child = Run.objects.create(
            **fields,
            slug="assistant",
            member=member,
            parent=run,
            root=run,
            depth=1,
            status="completed",
            input="Count.",
            output="It is 2.",
        )
        step = {"seq": 1, "status": "finished", "started_position": 2, "finished_position": 3}
        said = {"text": "It is 2.", "status": "completed", "run_id": str(child.pk)}
        given = {"task": "Count.", "run_id": str(child.pk), "member": {"name": "Assistant"}}
        Step.objects.create(
            run=run, key="m", kind="delegation", name="Assistant", input=given, output=said, **step
        )
        called = {"input": {"arguments": {"expression": "1+1"}}, "output": {"text": "2", "data": 2}}
        Step.objects.create(run=child, key="t", kind="tool", name="calculator", **called, **step)
    return made


def test_a_conversation_with_a_team_shows_its_members_and_asks_no_more_for_a_longer_one(
    acme: Any, acme_member: Any
) -> None:
    def asked(made: Session) -> int:
        path = reverse("web:team-session", args=["crew", made.pk])
        member = Member.objects.get(pk=acme_member.pk)
        with CaptureQueriesContext(connection) as queries:
            page = team_session_page(_get(member, acme, path), "crew", made.pk).content.decode()
        members = page.partition("<template")[0].count('class="tool member"')
        assert members == Run.objects.filter(session=made, depth=0).count()
        assert "Was asked" in page and "It is 2." in page
        return len(queries)

    assert asked(_of_team(acme_member, 8)) == asked(_of_team(acme_member, 2)) <= 11
