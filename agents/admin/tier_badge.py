"""How a tier looks: the stricter, the louder."""

from __future__ import annotations

from django.utils.safestring import SafeString

from agents.admin.shown import badge
from approvals.tiers import ADMIN, AUDITED, FREE, LABEL, USER

TONE = {FREE: "neutral", AUDITED: "info", USER: "warning", ADMIN: "danger"}


def tier_badge(tier: str) -> SafeString:
    return badge(LABEL.get(tier, tier).lower(), TONE.get(tier, "neutral"))
