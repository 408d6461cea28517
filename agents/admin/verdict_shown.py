"""A guardrail's verdict in a run's page."""

from __future__ import annotations

from agents.models import Step

_TONE = {"block": "danger", "redact": "warning"}
_DONE = {"block": "blocked", "redact": "redacted", "allow": "noticed"}


def verdict_text(step: Step) -> str:
    """What it found and did, as a sentence; "" for other steps and where nothing was found."""
    output = step.output if isinstance(step.output, dict) else {}
    if step.kind != Step.Kind.GUARDRAIL or not output.get("code"):
        return ""
    done = _DONE.get(str(output.get("action")), "")
    stage = str(output.get("stage", "")).replace("_", " ")
    times = output.get("found", 0)
    often = f", {times:,} times" if times and times > 1 else ""
    return f"{output['code']}: {output.get('reason', '')}{often} ({done} in the {stage})"


def verdict_tone(step: Step) -> str:
    """The badge's tone; "" for other steps and where nothing was done."""
    output = step.output if isinstance(step.output, dict) else {}
    if step.kind != Step.Kind.GUARDRAIL:
        return ""
    return _TONE.get(str(output.get("action")), "")
