"""What the whole text would redact never leaves in a piece, however the text is cut."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.guardrails.redacting import StreamRedactor
from tests.guardrails.planting import PLANTED, all_rules

RULES = all_rules()
FILLER = [
    "The quick brown fox", " jumps over", " 12 lazy dogs", ".", ", ", " ", "\n", ": ", "-", "sk-",
    "a@b", "4111 ", "+49 ", "password", " = ", "Bearer ", "https://", "eyJ", "-----BEGIN ", "é",
    "数据", "00", "192.", "::", "DE", "(", ")", '"', "AKIA", "gh", "!",
]  # fmt: skip


def streamed(pieces: list[str]) -> list[str]:
    redactor = StreamRedactor(RULES)
    return [*(redactor.feed(piece) for piece in pieces), redactor.finish()]


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(places), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize(("kind", "planted"), PLANTED)
def test_every_split_of_everything_planted(kind: str, planted: str) -> None:
    text = f"Here it is: {planted}, and that was it."
    whole = RULES.redact(text).text
    assert planted not in whole
    step = max(1, len(text) // 120)
    for place in range(0, len(text) + 1, step):
        shown = streamed([text[:place], text[place:]])
        assert "".join(shown) == whole
    assert "".join(streamed(list(text))) == whole


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_is_given_out_is_always_the_beginning_of_the_redacted_text(
    data: st.DataObject,
) -> None:
    parts = data.draw(
        st.lists(
            st.one_of(
                st.sampled_from(FILLER),
                st.sampled_from([text for _, text in PLANTED if len(text) < 300]),
            ),
            max_size=12,
        )
    )
    text = "".join(parts)
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=12))
    whole = RULES.redact(text).text
    shown = streamed(cut(text, places))
    assert "".join(shown) == whole
    for end in range(len(shown)):
        assert whole.startswith("".join(shown[:end]))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='a1@.:/ -="\n+(Bek', max_size=60), st.data())
def test_text_that_is_nearly_something_is_cut_anywhere(text: str, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    assert "".join(streamed(cut(text, places))) == RULES.redact(text).text


def test_ten_thousand_random_splits_let_nothing_planted_through() -> None:
    chance = random.Random(20261121)
    short = [text for _, text in PLANTED if len(text) < 300]
    began = time.process_time()
    for _ in range(10_000):
        planted = chance.sample(short, 2)
        text = f"{chance.choice(FILLER)} {planted[0]} {chance.choice(FILLER)} {planted[1]} end"
        places = [chance.randrange(len(text) + 1) for _ in range(chance.randrange(1, 9))]
        shown = "".join(streamed(cut(text, places)))
        assert not any(one in shown for one in planted), text
    assert time.process_time() - began < 120


def test_a_plain_answer_is_not_held_back() -> None:
    redactor = StreamRedactor(RULES)
    lag = given_out = shown = 0
    for word in ["Well", ", ", "this ", "is ", "an ", "ordinary ", "answer ", "of ", "words"] * 20:
        given_out += len(word)
        shown += len(redactor.feed(word))
        lag = max(lag, given_out - shown)
    assert lag <= 32


def test_a_key_without_an_end_costs_little() -> None:
    began = time.process_time()
    pieces = ["-----BEGIN PRIVATE KEY-----\n", *["MIIEvQIB"] * 10_000]
    assert "".join(streamed(pieces)) == "[private key]"
    assert time.process_time() - began < 10


def test_one_stream_knows_the_places_of_what_it_found() -> None:
    redactor = StreamRedactor(RULES)
    text = "Write to ada@example.com or bob@example.com today"
    for letter in text:
        redactor.feed(letter)
    redactor.finish()
    assert [text[one.start : one.end] for one in redactor.found] == [
        "ada@example.com",
        "bob@example.com",
    ]
