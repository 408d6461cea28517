"""`ask_user`: questions that the model makes up, answered by the user in a form."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model, model_validator

from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

MOST_QUESTIONS = 8
MOST_CHOICES = 12
LONGEST_ANSWER = 2_000  # characters

Choice = Annotated[str, Field(min_length=1, max_length=100)]


class Question(Arguments):
    question: Annotated[str, Field(min_length=1, max_length=300, description="The question")]
    choices: Annotated[
        list[Choice],
        Field(max_length=MOST_CHOICES, description="Answers to choose from; none: free text"),
    ] = []
    several: Annotated[bool, Field(description="More than one may be chosen")] = False
    own_words: Annotated[
        bool, Field(description="Beside the choices, an answer in the user's own words is taken")
    ] = False

    @model_validator(mode="after")
    def _different(self) -> Question:
        if len(set(self.choices)) < len(self.choices):
            raise ValueError("the choices of a question must differ")
        return self


class Questions(Arguments):
    questions: Annotated[
        list[Question],
        Field(min_length=1, max_length=MOST_QUESTIONS, description="What the user is asked"),
    ]


def answer_form(args: Questions) -> type[BaseModel]:
    """The form of these questions: `answer_1` and so on, and `answer_1_other` for own words."""
    fields: dict[str, Any] = {}
    for number, question in enumerate(args.questions, start=1):
        fields.update(_fields(f"answer_{number}", question))
    return create_model("Answers", __base__=_Answers, **fields)


class _Answers(Arguments):
    """Where a question may be answered either way, it must be answered one way."""

    @model_validator(mode="after")
    def _answered(self) -> _Answers:
        fields = type(self).model_fields
        for name, asked in fields.items():
            other = f"{name}_other"
            if other in fields and not (getattr(self, name) or getattr(self, other)):
                raise ValueError(f"“{asked.title}” needs a choice or an answer in your own words")
        return self


def _fields(name: str, question: Question) -> dict[str, Any]:
    title = question.question
    if not question.choices:
        text = Annotated[str, Field(min_length=1, max_length=LONGEST_ANSWER, title=title)]
        return {name: (text, ...)}
    one: Any = Literal[tuple(question.choices)]
    if question.several:
        least = 0 if question.own_words else 1
        many = Annotated[
            list[one],
            Field(
                min_length=least,
                max_length=len(question.choices),
                title=title,
                json_schema_extra={"uniqueItems": True},
            ),
        ]
        fields: dict[str, Any] = {name: (many, [] if question.own_words else ...)}
    elif question.own_words:
        fields = {name: (Annotated[one | None, Field(title=title)], None)}
    else:
        fields = {name: (Annotated[one, Field(title=title)], ...)}
    if question.own_words:
        own = Annotated[str, Field(max_length=LONGEST_ANSWER, title="In your own words")]
        fields[f"{name}_other"] = (own, "")
    return fields


@tool(effect=Effect.READ, scope=Scope.AGENTS_RUN, asks=answer_form)
async def ask_user(context: ToolContext, args: Questions) -> dict[str, Any]:
    """Ask the user questions in a form, with choices or free text, and get the answers."""
    given = context.response.model_dump()
    answers = []
    for number, question in enumerate(args.questions, start=1):
        answer = given[f"answer_{number}"]
        own = given.get(f"answer_{number}_other", "")
        if own:
            answer = [*answer, own] if question.several else own
        answers.append({"question": question.question, "answer": answer})
    return {"answers": answers}
