"""A tenant with a past: sessions, runs, messages and steps by SQL, as uneven as in life.

A few members have most of the runs and most have few; one agent is nearly forgotten, one status
rare. Ids are version 7 UUIDs of the times that the rows claim, as the application makes them. Rows
are copies of one made over the models with their own values put in, so that a new column needs no
change here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from agents.ids import uuid7
from agents.models import Message, Run, Session, Step
from agents.models.agent import Agent
from tenants.accounts.models import Member

MEMBERS = 200
TURNS = 5
"""Runs of a session."""
RARE_AGENT = "forgotten"
WORD = "quarterly"
"""A word of a few inputs and titles."""


@dataclass(frozen=True)
class Known:
    """Rows from the middle of the past, to be asked for."""

    run_id: str
    trace_id: str
    session_id: str
    session_at: str


_ID = """(lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0') || '7'
    || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid"""
# A number between 0 and 1 that belongs to `value`: the same every time.
_PART = "(('x' || substr(md5({value}), 1, 8))::bit(32)::bigint / 4294967296.0)"

_SESSIONS = f"""
    INSERT INTO agents_session
    SELECT copy.*
    FROM agents_session template, generate_series(1, %(sessions)s) n
    CROSS JOIN LATERAL (
        SELECT now() - interval '90 days' * (1 - n / (%(sessions)s + 1.0)) AS at,
            %(members)s::bigint[] AS members,
            {_PART.format(value="'m' || n")} AS u
    ) AS chosen
    CROSS JOIN LATERAL jsonb_populate_record(template, jsonb_build_object(
        'id', {_ID.format(at="chosen.at")},
        'member_id', chosen.members[1 + floor(cardinality(chosen.members) * power(u, 4))::int],
        'slug', CASE WHEN n %% 10000 = 7 THEN '{RARE_AGENT}' ELSE 'assistant' END,
        'title', 'Seeded ' || n || CASE WHEN n %% 400 = 3 THEN ' {WORD} figures' ELSE '' END,
        'created_at', chosen.at,
        'updated_at', chosen.at + interval '{2 * TURNS} minutes'
    )) AS copy
    WHERE template.id = %(session)s
"""
_RUNS = f"""
    INSERT INTO agents_run
    SELECT copy.*
    FROM agents_run template, agents_session s
    CROSS JOIN generate_series(1, {TURNS}) k
    CROSS JOIN LATERAL (
        SELECT s.created_at + k * interval '2 minutes' AS at,
            {_PART.format(value="s.id::text || k")} AS u
    ) AS chosen
    CROSS JOIN LATERAL jsonb_populate_record(template, jsonb_build_object(
        'id', {_ID.format(at="chosen.at")},
        'session_id', s.id,
        'member_id', s.member_id,
        'slug', s.slug,
        'status', CASE WHEN u < 0.0005 THEN 'needs_review' WHEN u < 0.03 THEN 'failed'
            WHEN u < 0.04 THEN 'cancelled' ELSE 'completed' END,
        'input', 'Question ' || k || ' of ' || s.title,
        'output', repeat('An answer of some length. ', 20),
        'trace_id', replace(gen_random_uuid()::text, '-', ''),
        'created_at', chosen.at,
        'started_at', chosen.at,
        'finished_at', chosen.at + interval '3 seconds' * (1 + u)
            + CASE WHEN u > 0.999 THEN interval '15 minutes' ELSE interval '0' END
    )) AS copy
    WHERE template.id = %(run)s AND s.title LIKE 'Seeded %%'
"""
_MESSAGES = """
    INSERT INTO agents_message
    SELECT copy.*
    FROM agents_message template, agents_run r
    CROSS JOIN generate_series(0, 1) place
    CROSS JOIN LATERAL jsonb_populate_record(template, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('agents_message', 'id')),
        'session_id', r.session_id,
        'run_id', r.id,
        'position', place,
        'role', CASE place WHEN 0 THEN 'user' ELSE 'assistant' END,
        'created_at', r.created_at
    )) AS copy
    WHERE template.run_id = %(run)s AND r.id <> %(run)s AND r.session_id <> %(session)s
"""
_STEPS = """
    INSERT INTO agents_step
    SELECT copy.*
    FROM agents_step template, agents_run r
    CROSS JOIN generate_series(1, 2) number
    CROSS JOIN LATERAL jsonb_populate_record(template, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('agents_step', 'id')),
        'run_id', r.id, 'seq', number, 'key', 'model:' || number, 'started_at', r.started_at
    )) AS copy
    WHERE template.run_id = %(run)s AND r.id <> %(run)s AND r.session_id <> %(session)s
"""
_TABLES = ("accounts_member", "agents_session", "agents_run", "agents_message", "agents_step")


def seed(runs: int, busiest: Member, agent: Agent) -> None:
    """Give the active tenant `runs` finished runs over 90 days; most are `busiest`'s.

    `agent` is a published agent they are said to have run.
    """
    members = [busiest.pk] + [
        member.pk
        for member in Member.objects.bulk_create(
            Member(username=f"seeded{number}", name=f"Seeded {number}", password="!")
            for number in range(1, MEMBERS)
        )
    ]
    session, run = _template(busiest, agent)
    values = {
        "sessions": runs // TURNS,
        "members": members,
        "session": session.pk,
        "run": run.pk,
    }
    with connection.cursor() as cursor:
        for statement in (_SESSIONS, _RUNS, _MESSAGES, _STEPS):
            cursor.execute(statement, values)
        session.delete()
        for name in _TABLES:
            cursor.execute(f"ANALYZE {name}")


def known(busiest: Member) -> Known:
    """Rows of the middle of what was seeded."""
    middle = Session.objects.order_by("updated_at").filter(member=busiest)
    found = middle[middle.count() // 2]
    run = found.runs.order_by("id")[2]
    return Known(str(run.pk), run.trace_id, str(found.pk), str(found.updated_at))


def _template(member: Member, agent: Agent) -> tuple[Session, Run]:
    """One session with one run, to be copied; the models say what a row needs."""
    assert agent.published is not None
    session = Session.objects.create(member=member, slug=agent.slug, title="Template")
    now = timezone.now()
    run = Run.objects.create(
        id=uuid7(),
        revision=agent.published,
        slug=agent.slug,
        session=session,
        member=member,
        status=Run.Status.COMPLETED,
        input="Template",
        output="Template",
        model={"provider": "demo", "name": "demo"},
        input_tokens=40,
        output_tokens=120,
        trace_id="0" * 32,
        started_at=now,
        finished_at=now + timedelta(seconds=1),
    )
    Message.objects.create(session=session, run=run, position=0, role="user", content="Template")
    Step.objects.create(
        run=run,
        seq=1,
        key="model:1",
        kind=Step.Kind.MODEL,
        name="demo",
        status=Step.Status.FINISHED,
        started_position=1,
        finished_position=2,
        started_at=now,
        finished_at=now,
    )
    return session, run
