"""The tiers as plain texts in their order: how they are stored, compared and said."""

from __future__ import annotations

from approvals.models.grant import Grant, Tier

FREE, AUDITED, USER, ADMIN = (str(tier) for tier in Tier.values)
RANK: dict[str, int] = {tier: rank for rank, tier in enumerate((FREE, AUDITED, USER, ADMIN))}
LABEL: dict[str, str] = {str(tier): str(label) for tier, label in Tier.choices}
RAISE, KEEP, REFUSE = (str(choice) for choice in Grant.Untrusted.values)
REJECT, ESCALATE = (str(choice) for choice in Grant.OnExpiry.values)


def said(tier: str) -> str:
    """The tier as a word within a sentence: `admin sign-off`."""
    return LABEL[tier].lower()
