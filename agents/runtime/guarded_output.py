"""A model's text on its way to followers and into the journal, past the guardrails of the output.

Where only patterns are looked for, the text goes on as it comes, less what they hold back. A check
of the whole text holds all of it back: followers see the answer in one piece, or nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from agents.guardrails.calling_out import call_out
from agents.guardrails.looking import (
    failed,
    first_block,
    look,
    scan_verdicts,
    schema_verdicts,
)
from agents.guardrails.plan import StagePlan
from agents.guardrails.redacting import StreamRedactor
from agents.guardrails.schema_check import mending
from agents.guardrails.verdicts import Verdict
from agents.models_llm.protocol import Turn
from agents.runtime.log import MessageText, RunLog

log = logging.getLogger(__name__)
Again = Callable[[str, str], Awaitable[Turn]]
"""Asks the model to answer anew, given what it said and what is wrong with it."""


class GuardedOutput:
    """One attempt of one model step. `said` is what followers were shown of it."""

    def __init__(self, stage: StagePlan, log: RunLog, text: MessageText) -> None:
        self.stage = stage
        self.log = log
        self.text = text
        self.said = ""
        self._open = True
        self._failed = False
        self._redactor = (
            StreamRedactor(stage.rules) if stage.rules is not None and not stage.whole else None
        )

    def feed(self, piece: str) -> None:
        """The next piece of the model's text."""
        if self._redactor is None or not self._open:
            return
        try:
            shown = self._redactor.feed(piece)
        except Exception:
            log.exception("the guardrails' patterns failed in the middle of an answer")
            self._open, self._failed = False, True
            return
        if self._redactor.blocked:
            self._open = False
        else:
            self._show(shown)

    def _show(self, text: str) -> None:
        if text:
            self.said += text
            self.log.append(self.text, text)

    async def settle(self, turn: Turn, again: Again) -> tuple[str, list[Verdict]]:
        """The text as it may be kept, and the verdicts. With a block among them there is none.

        `again` is called once at most, for an answer that doesn't match its schema.
        """
        if not turn.text:
            return "", []
        if self._redactor is not None:
            verdicts = self._settle_stream(self._redactor, turn.text)
        else:
            verdicts = await self._settle_whole(turn, again)
        return ("" if first_block(verdicts) is not None else self.said), verdicts

    def _settle_stream(self, redactor: StreamRedactor, text: str) -> list[Verdict]:
        rules = self.stage.rules
        assert rules is not None
        try:
            if self._failed:
                raise RuntimeError("it failed before")
            rest = redactor.finish()
            verdicts = scan_verdicts(self.stage, rules, redactor.found, redactor.seconds)
        except Exception:
            verdicts = [failed(spec, self.stage.stage) for spec in self.stage.scanning]
            rest = text[redactor.given_out :]
        if first_block(verdicts) is None:
            self._show(rest)
        return verdicts

    async def _settle_whole(self, turn: Turn, again: Again) -> list[Verdict]:
        stage = self.stage
        looked = look(stage, turn.text)
        verdicts, text = list(looked.verdicts), str(looked.value)
        if stage.schemas and not turn.tool_calls and looked.blocked is None:
            checked, mend = schema_verdicts(stage, text)
            if mend and first_block([v for v in checked if v.code != "schema"]) is None:
                mended = await again(turn.text, mending(mend, stage.schemas[0].json_schema))
                looked = look(stage, mended.text)
                verdicts, text = list(looked.verdicts), str(looked.value)
                checked, _ = schema_verdicts(stage, text)
            verdicts += checked
        if first_block(verdicts) is None:
            verdicts += await call_out(stage, text)
        if first_block(verdicts) is None:
            self._show(text)
        return verdicts
