"""The event log: whoever reads, however slowly, wherever they come back, gets each piece once."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.events import START, Cursor, Event, Source, make
from agents.runtime.log import Reader, RunLog

SOURCE = Source("run", None, {"kind": "agent", "slug": "a", "revision": 1})
pieces = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=12)


def event(position: int, kind: str, **fields: Any) -> Event:
    return make(SOURCE, Cursor(position, 0), kind, None, **fields)


def texts(events: list[Event]) -> str:
    """What a client has that only appends: any doubling would show."""
    return "".join(event.data["text"] for event in events if event.type == "message.delta")


@given(pieces, st.data())
def test_a_reader_that_looks_at_any_moments_sees_the_whole_text_once(
    parts: list[str], data: st.DataObject
) -> None:
    log = RunLog(SOURCE)
    log.publish(event(1, "run.started"))
    message = log.open_message(2, 1, 1)
    reader = Reader(log, START)
    seen: list[Event] = []
    for part in parts:
        log.append(message, part)
        if data.draw(st.booleans()):
            seen += reader.take()
    message.closed = True
    log.publish(event(3, "message.completed"))
    log.publish(event(4, "run.completed"))
    log.end()
    seen += reader.take()
    assert texts(seen) == "".join(parts)
    assert [e.type for e in seen if e.type != "message.delta"] == [
        "run.started",
        "message.completed",
        "run.completed",
    ]
    assert reader.finished


@given(pieces, st.data())
def test_coming_back_with_any_id_gives_exactly_the_rest(
    parts: list[str], data: st.DataObject
) -> None:
    log = RunLog(SOURCE)
    log.publish(event(1, "run.started"))
    message = log.open_message(2, 1, 1)
    first = Reader(log, START)
    before: list[Event] = []
    for part in parts:
        log.append(message, part)
        before += first.take()
    kept = before[: data.draw(st.integers(0, len(before)))]
    message.closed = True
    log.publish(event(3, "message.completed"))
    log.end()
    last = Cursor.parse(kept[-1].id if kept else None)
    rest = Reader(log, last).take()
    assert texts(kept) + texts(rest) == "".join(parts)
    assert [e.type for e in rest].count("message.completed") == 1
    assert [e.type for e in kept + rest].count("run.started") == 1


def test_an_attempt_that_failed_is_shown_to_nobody_new() -> None:
    log = RunLog(SOURCE)
    failed = log.open_message(2, 1, 1)
    log.append(failed, "half an ans")
    failed.void()
    again = log.open_message(3, 1, 2)
    log.append(again, "the answer")
    seen = Reader(log, START).take()
    assert [(e.data["attempt"], e.data["offset"], e.data["text"]) for e in seen] == [
        (2, 0, "the answer")
    ]


def test_rubbish_as_last_event_id_means_from_the_beginning() -> None:
    for raw in (None, "", "x", "1", "1.", ".1", "-1.2", "9" * 30 + ".1", "1.2.3"):
        assert Cursor.parse(raw) == START
    assert Cursor.parse("4.17") == Cursor(4, 17)


async def test_waiting_ends_with_news_or_with_the_time() -> None:
    log = RunLog(SOURCE)
    assert await log.changed(0.01) is False
    waiting = asyncio.create_task(log.changed(30))
    await asyncio.sleep(0)
    log.publish(event(1, "run.started"))
    assert await waiting is True


async def test_a_slow_reader_costs_no_queue() -> None:
    log = RunLog(SOURCE)
    message = log.open_message(1, 1, 1)
    readers = [Reader(log, START) for _ in range(50)]
    for _ in range(1000):
        log.append(message, "word ")
    assert len(log.entries) == 1
    for reader in readers:
        (piece,) = reader.take()
        assert len(piece.data["text"]) == 5000


CHILD = Source("child", "run", {"kind": "agent", "slug": "b", "revision": 1}, 1)


def put_together(events: list[Event]) -> dict[int, str]:
    """The text of each step, as a client has it that only appends."""
    found: dict[int, str] = {}
    for one in events:
        if one.type == "message.delta":
            assert one.data["offset"] == len(found.get(one.data["step"], ""))
            found[one.data["step"]] = found.get(one.data["step"], "") + one.data["text"]
    return found


@given(
    st.lists(st.tuples(st.integers(0, 2), st.text(min_size=1, max_size=4)), max_size=30), st.data()
)
def test_of_messages_that_grow_side_by_side_any_id_gives_exactly_the_rest(
    spoken: list[tuple[int, str]], data: st.DataObject
) -> None:
    log = RunLog(SOURCE)
    below = RunLog(CHILD, log)
    log.publish(event(1, "run.started"))
    messages = [below.open_message(2 + at, 10 + at, 1) for at in range(3)]
    reader = Reader(log, START)
    live: list[Event] = []
    whole = {10 + at: "" for at in range(3)}
    position = 5
    for at, text in spoken:
        if not messages[at].closed:
            below.append(messages[at], text)
            whole[10 + at] += text
        match data.draw(st.sampled_from(["look", "tell", "close", "go on"])):
            case "look":
                live += reader.take()
            case "tell":
                below.publish(event(position, "usage"))
                position += 1
            case "close":
                messages[at].closed = True
    log.publish(event(position, "run.completed"))
    log.end()
    live += reader.take()
    assert reader.finished
    assert put_together(live) == {step: text for step, text in whole.items() if text}
    kept = live[: data.draw(st.integers(0, len(live)))]
    again = Reader(log, Cursor.parse(kept[-1].id if kept else None))
    rest = again.take()
    assert again.finished
    assert put_together(kept + rest) == put_together(live)
    others = [one.cursor[:2] for one in live if one.type != "message.delta"]
    assert [one.cursor[:2] for one in kept + rest if one.type != "message.delta"] == others
    assert all(Cursor.parse(one.id) == one.cursor == Cursor.of(list(one.cursor)) for one in rest)
