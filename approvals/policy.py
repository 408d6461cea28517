"""What holds for one call of a tool: the tier, who decides, and why. Pure: nothing is read here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from approvals.conditions import Condition, ConditionFailed, Facts
from approvals.tiers import ADMIN, FREE, KEEP, RAISE, RANK, REFUSE, REJECT, USER, said

EVERY_AGENT = ""
LONGEST_WHY = 500


@dataclass(frozen=True, slots=True)
class Rule:
    """A grant as it is applied. `agent` is a slug, EVERY_AGENT, or a team's `team_key`."""

    id: int
    agent: str
    tool: str
    tier: str
    conditions: tuple[Condition, ...] = ()
    calls_per_run: int | None = None
    calls_per_hour: int | None = None
    timeout_ms: int | None = None
    decider_roles: tuple[str, ...] = ()
    quorum: int = 1
    own_requests: bool = False
    expires_minutes: int = 1440
    on_expiry: str = REJECT
    escalate_to: str = ""
    untrusted: str = RAISE


Rules = Mapping[tuple[str, str], Rule]
"""Every rule of a tenant by (agent or EVERY_AGENT, tool)."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What holds for one call. `why` and `refused` are sentences, fit for people and models.

    `refused`: the call may not be made at all, whoever agrees; empty if it may. `grant_id` is None
    where no grant says anything and the tool's own declaration stands. Of tier user only the member
    that the run acts for decides, so `decider_roles`, `quorum` and `own_requests` are for the tier
    admin. It is about the arguments that were given to `rule`: edited ones need one of their own.
    """

    tier: str
    why: str
    refused: str = ""
    grant_id: int | None = None
    agent: str = ""
    tool: str = ""
    decider_roles: tuple[str, ...] = ()
    quorum: int = 1
    own_requests: bool = False
    expires_minutes: int = 1440
    on_expiry: str = REJECT
    escalate_to: str = ""
    calls_per_run: int | None = None
    calls_per_hour: int | None = None
    timeout_ms: int | None = None

    @property
    def asks(self) -> bool:
        """Whether somebody has to agree before the call."""
        return self.tier in (USER, ADMIN)

    @property
    def recorded(self) -> bool:
        """Whether the call belongs into the audit log."""
        return self.tier != FREE


def team_key(slug: str) -> str:
    """What the rules of a team are known by: no agent's slug has a colon."""
    return f"team:{slug}"


def strictest(rulings: Sequence[Ruling]) -> Ruling:
    """What holds when all of these do: the strictest tier, and the least limits of calls.

    Of equal tiers the first rules, so the agent's own comes first. Sign-offs that several ask for
    are one, by as many people as the one that asks for most.
    """
    if len(rulings) == 1:
        return rulings[0]
    ruling = max(rulings, key=lambda one: RANK[one.tier])  # the first of equals
    runs = [one.calls_per_run for one in rulings if one.calls_per_run is not None]
    hours = [one for one in rulings if one.calls_per_hour is not None]
    hour = min(hours, key=lambda one: one.calls_per_hour or 0, default=ruling)
    return replace(
        ruling,
        refused=next((one.refused for one in rulings if one.refused), ""),
        quorum=max(one.quorum for one in rulings if one.tier == ruling.tier),
        calls_per_run=min(runs, default=None),
        calls_per_hour=hour.calls_per_hour,
        grant_id=hour.grant_id,
        timeout_ms=least_timeout(rulings),
    )


def least_timeout(found: Sequence[Ruling | Rule]) -> int | None:
    """Milliseconds that one call may take where all of these hold; None: as long as the tool's."""
    given = [one.timeout_ms for one in found if one.timeout_ms is not None]
    return min(given, default=None)


def rule_of(rules: Rules, agent: str, tool: str) -> Rule | None:
    """The agent's own rule for the tool, else the one for every agent, else None."""
    return rules.get((agent, tool)) or rules.get((EVERY_AGENT, tool))


def standing_ruling(
    rules: Rules, agent: str, tool: str, declared: str, *, expires_minutes: int = 1440
) -> Ruling:
    """What holds before anything of a call is known: no condition can hold, nothing is tainted.

    `expires_minutes` is for a tool without a grant. A tier that doesn't exist counts as admin.
    """
    rule = rule_of(rules, agent, tool)
    if rule is None:
        tier = declared if declared in RANK else ADMIN
        why = f"{tool} declares {said(tier)}, and no grant says otherwise."
        return Ruling(tier, why, agent=agent, tool=tool, expires_minutes=expires_minutes)
    whose = agent if rule.agent else "every agent"
    return Ruling(
        tier=rule.tier,
        why=f"The grant of {whose} for {tool} says {said(rule.tier)}.",
        grant_id=rule.id,
        agent=agent,
        tool=tool,
        decider_roles=rule.decider_roles,
        quorum=rule.quorum,
        own_requests=rule.own_requests,
        expires_minutes=rule.expires_minutes,
        on_expiry=rule.on_expiry,
        escalate_to=rule.escalate_to,
        calls_per_run=rule.calls_per_run,
        calls_per_hour=rule.calls_per_hour,
        timeout_ms=rule.timeout_ms,
    )


def rule(
    rules: Rules,
    agent: str,
    tool: str,
    declared: str,
    effect: str,
    facts: Facts,
    *,
    expires_minutes: int = 1440,
) -> Ruling:
    """The ruling on one call. `declared` is the tool's own tier, `effect` what it does.

    An agent's own grant comes before the one for every agent, which comes before what the tool
    declares. Conditions and untrusted content may only raise the tier; a condition that fails
    counts as one that holds.
    """
    ruling = standing_ruling(rules, agent, tool, declared, expires_minutes=expires_minutes)
    grant = rule_of(rules, agent, tool)
    if grant is not None and grant.conditions:
        ruling = _with_conditions(ruling, grant.conditions, facts)
    if facts.tainted:
        ruling = _with_taint(ruling, grant.untrusted if grant else RAISE, effect)
    return ruling if len(ruling.why) <= LONGEST_WHY else replace(ruling, why=_cut(ruling.why))


def _with_conditions(ruling: Ruling, conditions: tuple[Condition, ...], facts: Facts) -> Ruling:
    # The strictest first: what could not raise the tier any more isn't asked.
    for condition in sorted(conditions, key=lambda one: -RANK[one.tier]):
        if RANK[condition.tier] <= RANK[ruling.tier]:
            break
        try:
            if condition.holds(facts):
                ruling = _raised(ruling, condition.tier, condition.words)
        except ConditionFailed as failure:
            unsure = f"whether “{condition.words}” can't be told ({failure})"
            ruling = _raised(ruling, condition.tier, unsure)
    return ruling


def _with_taint(ruling: Ruling, untrusted: str, effect: str) -> Ruling:
    """After untrusted content: a tool that writes is a tier stricter, and somebody is asked."""
    if untrusted == REFUSE:
        return replace(
            ruling,
            refused=f"{ruling.tool} may not be used once the run has read untrusted content.",
        )
    if untrusted == KEEP or effect == "read":
        return ruling
    tier = ADMIN if RANK[ruling.tier] >= RANK[USER] else USER
    if tier == ruling.tier:
        return ruling
    return _raised(ruling, tier, "the run has read untrusted content")


def _raised(ruling: Ruling, tier: str, because: str) -> Ruling:
    return replace(ruling, tier=tier, why=f"{ruling.why} Raised to {said(tier)}: {because}.")


def _cut(why: str) -> str:
    return why[: LONGEST_WHY - 1] + "…"


def beyond_run(ruling: Ruling, key: str, keys: Collection[str]) -> str:
    """Why the call of step `key` is one too many for its run, or an empty text.

    `keys`: the steps of the run that called this tool, in the journal's order; `key` itself may be
    among them or not. Refused calls count as well, or a model could try for ever.
    """
    if ruling.calls_per_run is None:
        return ""
    listed = list(keys)
    earlier = listed.index(key) if key in listed else len(listed)
    if earlier < ruling.calls_per_run:
        return ""
    return f"{ruling.tool} may be used {_times(ruling.calls_per_run)} in one run, and was."


def beyond_hour(ruling: Ruling) -> str:
    """What is told of a call that is one too many for the hour."""
    times = _times(ruling.calls_per_hour or 0)
    return f"{ruling.tool} may be used {times} an hour for each member. Try again in the next hour."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
