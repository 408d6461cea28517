"""Who may decide on an approval: by role, by a borrowed duty, never twice and never on one's own.

Synchronous ORM functions. Nothing here looks at the approval's status: whether it is still to be
decided is known under its lock alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet
from django.utils import timezone

from approvals.models import Approval, Decision, Delegation, Tier
from approvals.models.approval import ASKS
from tenants.accounts.models import Member
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope, scopes_of


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether somebody may decide; true if so.

    `on_behalf_of` is the member whose duty it is where somebody stands in for them. If not allowed,
    `code` is one of not_requester, own_request, already_decided, wrong_role, scope_missing, and
    `reason` says it in a sentence.
    """

    allowed: bool
    on_behalf_of: int | None = None
    code: str = ""
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True)
class _Duty:
    """Somebody with their roles, or a member whose duty they have borrowed, with theirs."""

    member_id: int
    roles: frozenset[str]
    may_decide: bool


@dataclass(frozen=True, slots=True)
class Duties:
    """What somebody may decide with: read once, for any number of approvals."""

    member_id: int
    own: _Duty
    borrowed: tuple[_Duty, ...] = ()
    # Approval by id: whose voices were heard, one's own and those that others spoke for.
    heard: Mapping[object, frozenset[int]] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether there is anything but one's own requests that this member might decide."""
        return self.own.may_decide or bool(self.borrowed)

    def on(self, approval: Approval) -> Standing:
        """The standing towards one of the approvals that the duties were read for."""
        heard = self.heard.get(approval.pk, frozenset())
        if asks_requester(approval):
            if approval.requester_id != self.member_id:
                return _no("not_requester", "Only the member that the run acts for may answer it.")
            if self.member_id in heard:
                return _no("already_decided", "You have decided on this already.")
            return Standing(True)
        own_request = approval.requester_id == self.member_id
        if own_request and not approval.own_requests:
            return _no("own_request", "This is your own request: somebody else has to decide.")
        if self.member_id in heard:
            return _no("already_decided", "You have decided on this already.")
        refusals = []
        for duty in (self.own, *self.borrowed):
            standing = self._by(duty, approval, heard)
            if standing:
                return standing
            refusals.append(standing)
        # What is most worth knowing: a borrowed duty that fails says more than a missing scope.
        return min(refusals, key=lambda one: _TOLD_FIRST.index(one.code))

    def _by(self, duty: _Duty, approval: Approval, heard: frozenset[int]) -> Standing:
        if not duty.may_decide:
            return _no("scope_missing", f"This needs the scope {Scope.APPROVALS_DECIDE}.")
        roles = deciding_roles(approval)
        if roles and not duty.roles & set(roles):
            return _no("wrong_role", f"This is for the role {' or '.join(roles)} to decide.")
        borrowed = duty.member_id != self.member_id
        if borrowed and duty.member_id == approval.requester_id and not approval.own_requests:
            return _no("own_request", "It is the request of whoever you stand in for.")
        if duty.member_id in heard:
            return _no("already_decided", "Whoever you stand in for has decided on this already.")
        return Standing(True, on_behalf_of=duty.member_id if borrowed else None)


_TOLD_FIRST = ("already_decided", "own_request", "wrong_role", "scope_missing")


def _no(code: str, reason: str) -> Standing:
    return Standing(False, code=code, reason=reason)


def asks_requester(approval: Approval) -> bool:
    """Whether it is for the member that the run acts for, and nobody else, to answer.

    A consent that they didn't give in time may have become another role's; a form can't.
    """
    if approval.kind != Approval.Kind.CONFIRM:
        return not for_roles_to_fill_in(approval)
    return approval.tier == Tier.USER and approval.escalated_at is None


def for_roles_to_fill_in(approval: Approval) -> bool:
    """Whether it is a workflow's form for people of certain roles."""
    return approval.effect == ASKS and approval.tier == Tier.ADMIN


def deciding_roles(approval: Approval) -> tuple[str, ...]:
    """The roles that decide, as things stand; empty: everyone with the scope approvals:decide."""
    if approval.escalated_at is not None and approval.escalate_to:
        return (approval.escalate_to,)
    return tuple(approval.decider_roles)


def may_decide(who: Principal | Member, approval: Approval) -> Standing:
    """Whether `who` may decide on the approval, now; if not, why. Three statements at most.

    A principal's scopes are those of their token or key. A duty that was lent lets the substitute
    decide without the scope, as long as whoever lent it has it; the two have one voice together.
    """
    return duties_of(who, [approval]).on(approval)


def duties_of(who: Principal | Member, approvals: Iterable[Approval]) -> Duties:
    """For a list: what `who` may decide with, and what was decided of these approvals."""
    member_id, roles, scopes = _known(who)
    ids = [approval.pk for approval in approvals]
    heard: dict[object, set[int]] = {}
    if ids:
        said = Decision.objects.filter(approval__in=ids)
        for approval_id, by, behalf in said.values_list(
            "approval_id", "member_id", "on_behalf_of_id"
        ):
            heard.setdefault(approval_id, set()).update({by, behalf or by})
    # A key or token that was made for less brings no duty of others either.
    borrowed = tuple(_borrowed(member_id)) if Scope.APPROVALS_ANSWER in scopes else ()
    return Duties(
        member_id=member_id,
        own=_Duty(member_id, roles, Scope.APPROVALS_DECIDE in scopes),
        borrowed=borrowed,
        heard={key: frozenset(voices) for key, voices in heard.items()},
    )


def _known(who: Principal | Member) -> tuple[int, frozenset[str], frozenset[str]]:
    if isinstance(who, Principal):
        return who.member_id, frozenset(who.roles), who.scopes
    return who.pk, frozenset(who.roles), frozenset(str(scope) for scope in who.scopes)


def _borrowed(member_id: int) -> Iterable[_Duty]:
    """Duties lent to the member for a period that is now, by members who still have them.

    A borrowed duty isn't lent on: only what the lender may decide by their own roles counts.
    """
    lenders = (
        Member.objects.filter(pk__in=_now().filter(substitute=member_id).values("approver"))
        .filter(is_active=True)
        .prefetch_related("groups")
        .order_by("pk")
    )
    for lender in lenders:
        roles = frozenset(group.name for group in lender.groups.all())
        if Scope.APPROVALS_DECIDE in scopes_of(sorted(roles)):
            yield _Duty(lender.pk, roles, True)


def _now() -> QuerySet[Delegation]:
    now = timezone.now()
    return Delegation.objects.filter(begins_at__lte=now, ends_at__gt=now)


def waiting_for(who: Principal | Member) -> Q:
    """Approvals that might be for `who` to decide, as a condition on a list.

    It knows nothing of what was decided already or whose request it is: ask `duties_of` for those
    that are left.
    """
    member_id, _, _ = _known(who)
    own = Q(requester=member_id) & (
        ~Q(kind=Approval.Kind.CONFIRM) | Q(tier=Tier.USER, escalated_at__isnull=True)
    )
    duties = duties_of(who, ())
    named = [duty for duty in (duties.own, *duties.borrowed) if duty.may_decide]
    if not named:
        return own
    for_roles = Q(escalated_at__isnull=True, decider_roles=[])
    for role in sorted({role for duty in named for role in duty.roles}):
        for_roles |= Q(escalated_at__isnull=True, decider_roles__contains=[role])
        for_roles |= Q(escalated_at__isnull=False, escalate_to=role)
    signed_off = Q(tier=Tier.ADMIN) | Q(escalated_at__isnull=False)
    decided = Q(kind=Approval.Kind.CONFIRM) | Q(effect=ASKS)
    return own | (decided & signed_off & for_roles)
