"""The values of a prompt's variables in one run: found once, then the journal's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from django.conf import settings

from agents.models.prompt_setting import PromptSetting
from agents.prompts import SETTINGS, Facts, Prompt, values_of
from tenants import notices
from tenants.context import current_tenant
from tenants.kept_of_tenant import KeptOfTenant


async def variables_of(
    prompt: Prompt, *, member_name: str, username: str, time_zone: str, at: datetime | None = None
) -> dict[str, str]:
    """What the prompt's variables stand for; {} for a prompt without. `at`: the run's start."""
    names = prompt.variables
    if not names:
        return {}
    ref = current_tenant()
    values: Mapping[str, str] = {}
    if any(name.startswith(SETTINGS) for name in names):
        values = await _kept.get()
    facts = Facts(
        member_name=member_name,
        username=username,
        time_zone=time_zone,
        tenant_name=ref.name or ref.schema,
        tenant_slug=ref.schema,
        started_at=at or datetime.now(UTC),
    )
    return values_of(names, facts, values)


def _read() -> dict[str, str]:
    return dict(PromptSetting.objects.values_list("key", "value"))


_kept = KeptOfTenant(
    _read, kinds=("prompt_settings",), seconds=lambda: settings.PROVIDER_CACHE_SECONDS, most=2000
)


def tell_changed() -> None:
    """Every process forgets the active tenant's settings, on commit of the caller's change."""
    notices.notify("prompt_settings")
