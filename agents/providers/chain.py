"""One model step's way: the model, and when it can't be reached, the next of its chain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from django.conf import settings

from agents.models_llm.errors import ModelError, another_may_help
from agents.models_llm.pricing import cost_of
from agents.models_llm.protocol import Usage
from agents.providers.gate import Gate, Saturated
from agents.providers.registry import ResolvedModel


class ModelChain:
    """Made for each model step. The journal repeats its attempts; each asks `call` whom to ask.

    Nothing is retried here: what is raised says whether another attempt is worth it
    (`retryable`), and whether at once (`at_once`, when it will be another model's). `attempts` are
    those of each model; `most_attempts` is what the journal may do in all.
    """

    def __init__(self, model: ResolvedModel, *, attempts: int, with_tools: bool) -> None:
        able = (link for link in model.fallbacks if link.supports_tools or not with_tools)
        self._links = [model, *able]
        self._attempts = max(attempts, 1)
        self._at = 0
        self._tries = 0
        self.tried: list[dict[str, Any]] = []

    @property
    def most_attempts(self) -> int:
        return self._attempts * len(self._links)

    @property
    def current(self) -> ResolvedModel:
        return self._links[self._at]

    @asynccontextmanager
    async def call(self) -> AsyncIterator[ResolvedModel]:
        """One attempt: the model to ask, admitted by its gate.

        A ModelError that leaves the block is noted and comes back as the chain sees it.
        """
        self._skip_broken()
        link = self.current
        try:
            if link.gate is None:
                yield link
            else:
                async with link.gate.admitted():
                    yield link
        except ModelError as error:
            self._failed(link, error)
            raise

    def answered(self, usage: Usage | None) -> tuple[dict[str, Any], Decimal | None]:
        """Note the current model's success: what the step records of it, and its cost."""
        link = self.current
        if link.gate is not None:
            link.gate.succeeded(usage)
        record: dict[str, Any] = {"name": link.name}
        if link.provider:
            record["provider"] = link.provider
        if self.tried:
            record["tried"] = self.tried
        return record, cost_of(link.price, usage)

    def _skip_broken(self) -> None:
        """Past models that failed just now, if one is left that did not."""
        if not _broken(self.current.gate):
            return
        for at in range(self._at + 1, len(self._links)):
            if not _broken(self._links[at].gate):
                for link in self._links[self._at : at]:
                    self._note(link, "resting", 0)
                self._at, self._tries = at, 0
                return

    def _failed(self, link: ResolvedModel, error: ModelError) -> None:
        self._tries += 1
        if link.gate is not None:
            link.gate.failed(error)
        last = self._at == len(self._links) - 1
        if error.retryable and self._tries < self._attempts:
            too_long = (error.retry_after or 0) > settings.RETRY_MAX_SECONDS
            hopeless = too_long or isinstance(error, Saturated) or _broken(link.gate)
            if last or not hopeless:
                return
        if last or not another_may_help(error):
            error.retryable = False
            return
        self._note(link, error.code, self._tries)
        self._at, self._tries = self._at + 1, 0
        error.retryable, error.at_once = True, True

    def _note(self, link: ResolvedModel, why: str, tries: int) -> None:
        self.tried.append(
            {"name": link.name, "provider": link.provider, "why": why, "attempts": tries}
        )


def _broken(gate: Gate | None) -> bool:
    return gate is not None and gate.broken
