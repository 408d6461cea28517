"""The values of a prompt's variables in one run: found once, then the journal's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from django.conf import settings

from agents.models.prompt_setting import PromptSetting
from agents.prompts import SETTINGS, Facts, Prompt, values_of
from tenants import notices
from tenants.context import current_tenant
from tenants.hop import hop
from tenants.kept import Kept

_kept: Kept[str, Mapping[str, str]] = Kept(2000, lambda: settings.PROVIDER_CACHE_SECONDS)


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
        values = await _kept.get(ref.schema, lambda: hop(_load))
    facts = Facts(
        member_name=member_name,
        username=username,
        time_zone=time_zone,
        tenant_name=ref.name or ref.schema,
        tenant_slug=ref.schema,
        started_at=at or datetime.now(UTC),
    )
    return values_of(names, facts, values)


def _load() -> dict[str, str]:
    return dict(PromptSetting.objects.values_list("key", "value"))


def tell_changed() -> None:
    """Every process forgets the active tenant's settings, on commit of the caller's change."""
    notices.notify("prompt_settings")


def _forget(notice: notices.Notice | None) -> None:
    if notice is None:
        _kept.forget()
    else:
        _kept.drop(notice.schema)


notices.on("prompt_settings", _forget)
