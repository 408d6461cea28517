"""Arguments as a model writes them, right and wrong: the error must tell it how to mend them."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, field_validator

from agents.tools.calling import ArgumentError, ToolFailure, parse_arguments
from agents.tools.spec import Arguments, ToolContext
from tests.tools.making import Nothing, spec


class Order(Arguments):
    item: str
    count: int = Field(default=1, ge=1, le=10)
    size: Literal["small", "large"] = "small"
    tags: list[str] = Field(default_factory=list)

    @field_validator("item")
    @classmethod
    def not_air(cls, value: str) -> str:
        if value == "air":
            raise ValueError("air is not for sale.")
        if value == "bug":
            raise RuntimeError("db password is hunter2")
        return value


async def handler(context: ToolContext, args: Any) -> str:
    return "done"


ORDER = spec(handler, name="order", arguments=Order)
TAKES = (
    "It takes: item (required, string), count (integer), "
    'size (one of "small", "large"), tags (array).'
)


def refusal(raw: Any, **options: Any) -> str:
    with pytest.raises(ArgumentError) as caught:
        parse_arguments(ORDER, raw, **options)
    assert caught.value.code == "bad_arguments"
    return caught.value.message


def test_json_text_and_parsed_json_give_the_same_arguments() -> None:
    expected = Order(item="tea", count=2)
    assert parse_arguments(ORDER, '{"item": " tea ", "count": "2"}') == expected
    assert parse_arguments(ORDER, {"item": "tea", "count": 2}) == expected


@pytest.mark.parametrize("raw", ["", "  ", "{}", {}, None])
def test_nothing_at_all_means_no_arguments(raw: Any) -> None:
    assert parse_arguments(spec(handler), raw) == Nothing()


def test_every_wrong_field_is_named_with_what_was_expected_and_what_was_given() -> None:
    message = refusal({"count": "many", "size": "huge", "colour": "red"})
    assert message == (
        "the arguments of order are not right: item is missing; "
        "count: expected a valid integer, unable to parse string as an integer, "
        'got "many"; '
        "size: expected 'small' or 'large', got \"huge\"; "
        f"colour is not an argument of this tool. {TAKES}"
    )


def test_nested_fields_are_named_by_their_path() -> None:
    assert "tags.1: expected a valid string, got 5" in refusal({"item": "tea", "tags": ["a", 5]})


def test_a_validators_own_words_reach_the_model() -> None:
    assert 'item: air is not for sale, got "air"' in refusal({"item": "air"})


def test_many_errors_and_long_values_are_shortened() -> None:
    message = refusal({f"field{number}": "x" * 1_000 for number in range(50)})
    assert "and 43 more" in message
    assert len(message) < 1_000
    assert len(refusal({"item": "tea", "count": "x" * 10_000})) < 500


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ('{"item": "tea"', "not valid JSON"),
        ("tea", "not valid JSON"),
        ('["tea"]', 'expected one JSON object, got ["tea"]'),
        ("null", "expected one JSON object, got null"),
        ('{"count": NaN}', "not valid JSON: NaN"),
        ('{"count": 1e999}', "endless number"),
        ('{"item": "a\\u0000b"}', "a NUL"),
        ('{"item": "\\ud83d"}', "half a surrogate pair"),
        ('{"item": ' + "9" * 5_000 + "}", "not valid JSON"),
        ('{"a":' * 3_000 + "1" + "}" * 3_000, "nested too deeply"),
    ],
)
def test_what_is_no_usable_json_object_is_explained(raw: str, why: str) -> None:
    message = refusal(raw)
    assert why in message
    assert message.endswith(TAKES)


def test_the_size_is_limited_before_anything_is_read() -> None:
    message = refusal('{"item": "' + "x" * 100 + '"}', max_chars=50)
    assert "112 characters long, and 50 are allowed" in message
    assert "and 50 are allowed" in refusal({"item": "x" * 100}, max_chars=50)
    assert "and 64,000 are allowed" in refusal("[" * 64_001)


def test_a_validator_that_breaks_is_the_tools_failure_and_shows_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ToolFailure) as caught:
        parse_arguments(ORDER, {"item": "bug"})
    assert caught.value.message == f"the tool failed (error id {caught.value.error_id})"
    assert caught.value.error_id in caplog.text
    assert "hunter2" in caplog.text


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.text() | JSON_VALUES.map(json.dumps) | JSON_VALUES)
def test_whatever_a_model_sends_ends_in_arguments_or_in_an_argument_error(raw: Any) -> None:
    try:
        parsed = parse_arguments(ORDER, raw)
    except ArgumentError as error:
        assert error.message.endswith(TAKES)
        assert len(error.message) < 2_000
    except ToolFailure:
        pytest.fail("no input but 'bug' may break the tool")
    else:
        assert isinstance(parsed, Order)
