"""How values are shown: durations, badges, JSON, times. Used by pages and lists."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

STATUS_TONE = {
    "queued": "neutral",
    "running": "info",
    "paused": "warning",
    "completed": "success",
    "failed": "danger",
    "cancelled": "neutral",
    "needs_review": "warning",
    "creating": "info",
    "active": "success",
    "suspended": "warning",
    "started": "info",
    "finished": "success",
    "waiting": "warning",
}
_LIVE = frozenset({"queued", "running", "paused", "creating", "started"})


def badge(text: str, tone: str = "neutral", *, pulse: bool = False) -> SafeString:
    """A small coloured label; `pulse` marks what is still going on."""
    return format_html(
        '<span class="cx-badge cx-{}{}">{}</span>', tone, " cx-pulse" if pulse else "", text
    )


def status_badge(status: str, label: str) -> SafeString:
    return badge(label, STATUS_TONE.get(status, "neutral"), pulse=status in _LIVE)


def run_badge(run: Any) -> SafeString:
    """A run's status; that of one which waits for a review says so."""
    if run.waits_for_review:
        return badge("Needs review", STATUS_TONE["needs_review"], pulse=True)
    return status_badge(run.status, run.get_status_display())


def duration(seconds: float | None) -> str:
    """`820 ms`, `4.2 s`, `3 min 05 s`, `2 h 10 min`; an em dash for None."""
    if seconds is None:
        return "—"
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


def between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from start to end, or to now where the end is still to come; None without a start."""
    if start is None:
        return None
    return ((end or timezone.now()) - start).total_seconds()


def money(cost: Decimal | None, currency: str = "") -> str:
    """`0.0042 USD`; an em dash where no price was known. At least two digits that say something."""
    if cost is None:
        return "—"
    if cost == 0 or cost >= 1:
        text = f"{cost:,.2f}"
    else:
        # As many decimals as show its first two digits that aren't zero.
        text = f"{cost:.{min(max(1 - cost.adjusted(), 2), 10)}f}"
    return f"{text} {currency}".rstrip()


def ago(moment: datetime | None) -> SafeString | str:
    """`3 min ago`, with the exact local time on hover and for assistive technology."""
    if moment is None:
        return "—"
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        local.strftime("%Y-%m-%d %H:%M:%S %Z"),
        _ago(timezone.now() - moment),
    )


def _ago(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    if seconds < 0:
        return f"in {duration(-seconds)}"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago" if seconds >= 5 else "just now"


def as_text(value: Any) -> str:
    """A JSON value for reading: text as it is, anything else pretty-printed."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False)


def one_line(text: str, limit: int = 90) -> str:
    """The text on one line, cut with an ellipsis."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"
