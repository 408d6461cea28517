"""Forms of JSON schemas: which fields there are, and what was posted read back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from django.http import QueryDict
from pydantic import BaseModel, Field

from agents.schema_form import NEEDED, SchemaForm, read_json


class Inner(BaseModel):
    street: str


class Everything(BaseModel):
    title: Annotated[str, Field(max_length=80, description="Said on top")]
    story: str
    count: Annotated[int, Field(ge=1)]
    amount: float
    urgent: bool
    level: Literal["low", "high"]
    tags: list[Literal["red", "green"]] = []
    lines: list[str] = []
    where: Inner | None = None
    note: str | None = None
    limit: int = 20


SCHEMA = Everything.model_json_schema()
VALUES: dict[str, Any] = {
    "title": "Hello",
    "story": "a\nb",
    "count": 2,
    "amount": 480.5,
    "urgent": True,
    "level": "low",
    "tags": ["red"],
    "lines": ["one", "two"],
    "where": {"street": "Main"},
}


def post_of(form: SchemaForm, **changes: Any) -> QueryDict:
    """What a browser posts of the form, with some fields changed."""
    data = QueryDict(mutable=True)
    for field in form.fields:
        value = changes.get(field.name, field.chosen if field.kind == "several" else field.value)
        for one in value if isinstance(value, list) else [value]:
            data.appendlist(field.posted_as, one.replace("\n", "\r\n"))
    return data


def test_every_property_has_a_field_of_its_kind() -> None:
    form = SchemaForm(SCHEMA, VALUES)
    assert {field.name: field.kind for field in form.fields} == {
        "title": "text",
        "story": "long",
        "count": "integer",
        "amount": "number",
        "urgent": "one",
        "level": "one",
        "tags": "several",
        "lines": "lines",
        "where": "json",
        "note": "long",
        "limit": "integer",
    }
    needed = {field.name for field in form.fields if field.required}
    assert needed == {"title", "story", "count", "amount", "urgent", "level"}
    assert form.fields[0].help == "Said on top"


def test_what_nobody_touched_is_read_as_it_was() -> None:
    form = SchemaForm(SCHEMA, VALUES)
    assert form.read(post_of(form)) == VALUES
    # Also what no field can show in full: a text where the schema has a number.
    odd = {**VALUES, "count": "2", "extra": 1}
    form = SchemaForm(SCHEMA, odd)
    assert form.read(post_of(form)) == {**VALUES, "count": "2"}


def test_changes_are_read_by_their_kind() -> None:
    form = SchemaForm(SCHEMA, VALUES)
    changes = {
        "story": "x\ny",
        "count": "7",
        "amount": "12",
        "urgent": "false",
        "level": '"high"',
        "tags": ['"green"', '"red"'],
        "lines": "one\n\n three ",
        "where": '{"street": "Side"}',
        "note": "so",
        "limit": "",
    }
    assert form.read(post_of(form, **changes)) == {
        "title": "Hello",
        "story": "x\ny",
        "count": 7,
        "amount": 12,
        "urgent": False,
        "level": "high",
        "tags": ["green", "red"],
        "lines": ["one", "three"],
        "where": {"street": "Side"},
        "note": "so",
    }


@pytest.mark.parametrize(
    ("name", "posted", "said"),
    [
        ("count", "two", "whole number"),
        ("count", "1.5", "whole number"),
        ("count", "9" * 5000, "whole number"),
        ("amount", "nan", "number"),
        ("amount", "1e999", "number"),
        ("level", '"middle"', "Choose one"),
        ("level", "", NEEDED),
        ("tags", ['"blue"'], "Choose among"),
        ("where", "{street", "line 1, column 2"),
        ("where", "[NaN]", "no NaN"),
        ("where", "[" * 50 + "]" * 50, "too deeply"),
        ("title", " ", NEEDED),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field(name: str, posted: Any, said: str) -> None:
    form = SchemaForm(SCHEMA, VALUES)
    assert form.read(post_of(form, **{name: posted})) is None
    wrong = {field.name: field.errors for field in form.fields if field.errors}
    assert list(wrong) == [name]
    assert said in wrong[name][0]
    # And what was written stays in the field.
    [field] = [field for field in form.fields if field.name == name]
    assert (field.chosen if field.kind == "several" else field.value) == posted


def test_a_new_form_begins_with_its_defaults() -> None:
    form = SchemaForm(SCHEMA)
    shown = {field.name: field.value for field in form.fields if field.value}
    assert shown == {"limit": "20"}
    filled = {name: value for name, value in VALUES.items() if name not in ("tags", "lines")}
    changes = {
        "title": "Hello",
        "story": "a\nb",
        "count": "2",
        "amount": "480.5",
        "urgent": "true",
        "level": '"low"',
        "where": '{"street": "Main"}',
    }
    assert form.read(post_of(form, **changes)) == {**filled, "tags": [], "lines": [], "limit": 20}


def test_a_refusal_is_put_beside_the_field_it_names() -> None:
    form = SchemaForm(SCHEMA, VALUES)
    errors = [
        {"loc": ["arguments", "count"], "msg": "too small"},
        {"loc": ["arguments", "where", "street"], "msg": "too long"},
        {"loc": ["arguments", "nowhere"], "msg": "not known"},
        {"loc": ["arguments"], "msg": "wrong together"},
    ]
    form.refuse(errors, "arguments")
    by_name = {field.name: field.errors for field in form.fields}
    assert by_name["count"] == ["too small"]
    assert by_name["where"] == ["street: too long"]
    assert form.errors == ["nowhere: not known", "wrong together"]


def test_nothing_that_the_database_cannot_keep_is_read() -> None:
    form = SchemaForm(SCHEMA, VALUES)
    found = form.read(post_of(form, title="a\x00b"))
    assert found is not None and found["title"] == "ab"
    with pytest.raises(ValueError, match="valid JSON"):
        read_json("nothing")
