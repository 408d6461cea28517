"""Questions that a model makes up, as a form, and the answers as the model gets them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agents.tools import builtin, registry
from agents.tools.calling import ArgumentError, invoke, parse_arguments
from tests.tools.making import context

builtin.load()

DRINK = {"question": "What do you drink?", "choices": ["tea", "coffee"]}


def form_of(*questions: dict[str, Any]) -> Any:
    tool = registry.get("ask_user")
    assert tool.asks is not None
    return tool.asks(parse_arguments(tool, {"questions": list(questions)}))


async def answers(questions: list[dict[str, Any]], **filled: Any) -> list[dict[str, Any]]:
    tool = registry.get("ask_user")
    parsed = parse_arguments(tool, {"questions": questions})
    response = form_of(*questions).model_validate(filled)
    result = await invoke(tool, context(response=response), parsed)
    return list(result.data["answers"])


def test_the_form_has_a_field_for_each_question_with_its_choices() -> None:
    schema = form_of(DRINK, {"question": "Why?"}).model_json_schema()
    fields = schema["properties"]
    assert fields["answer_1"]["enum"] == ["tea", "coffee"]
    assert fields["answer_1"]["title"] == "What do you drink?"
    assert fields["answer_2"]["type"] == "string" and fields["answer_2"]["title"] == "Why?"
    assert schema["required"] == ["answer_1", "answer_2"]


@pytest.mark.asyncio
async def test_answers_come_back_with_their_questions() -> None:
    told = await answers([DRINK, {"question": "Why?"}], answer_1="tea", answer_2="it is warm")
    assert told == [
        {"question": "What do you drink?", "answer": "tea"},
        {"question": "Why?", "answer": "it is warm"},
    ]


@pytest.mark.asyncio
async def test_several_may_be_chosen_and_own_words_added() -> None:
    both = [{**DRINK, "several": True, "own_words": True}]
    told = await answers(both, answer_1=["tea", "coffee"], answer_1_other="water")
    assert told[0]["answer"] == ["tea", "coffee", "water"]
    alone = [{**DRINK, "own_words": True}]
    assert (await answers(alone, answer_1="tea"))[0]["answer"] == "tea"
    assert (await answers(alone, answer_1_other="water"))[0]["answer"] == "water"


@pytest.mark.parametrize(
    ("question", "filled"),
    [
        (DRINK, {"answer_1": "wine"}),
        (DRINK, {}),
        ({**DRINK, "several": True}, {"answer_1": []}),
        ({**DRINK, "own_words": True}, {"answer_1_other": " "}),
        ({"question": "Why?"}, {"answer_1": ""}),
        (DRINK, {"answer_1": "tea", "answer_2": "more"}),
    ],
)
def test_what_does_not_answer_is_refused(question: dict[str, Any], filled: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        form_of(question).model_validate(filled)


def test_an_answer_that_is_missing_is_named_by_its_question() -> None:
    form = form_of({**DRINK, "own_words": True})
    with pytest.raises(ValidationError, match=r"“What do you drink\?” needs a choice"):
        form.model_validate({})


@pytest.mark.parametrize(
    "questions",
    [
        [],
        [DRINK] * 9,
        [{"question": ""}],
        [{"question": "x", "choices": ["a", "a"]}],
        [{"question": "x", "choices": [""]}],
    ],
)
def test_questions_nobody_could_be_asked_are_the_models_to_mend(questions: Any) -> None:
    with pytest.raises(ArgumentError):
        form_of(*questions)
