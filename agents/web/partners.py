"""Who a member talks to on the pages: an agent or a team, as its card and its addresses show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse

from agents.models import Agent, Session, Team
from agents.services.access import access_agent, access_team
from agents.web.transcript import tool_label
from config.errors import NotFound
from tenants.accounts.principal import Principal

# Names of the pages: of a new conversation, of one that is there, and of what was said before.
_PAGES = {
    "agent": ("web:new-chat", "web:session", "web:earlier"),
    "team": ("web:new-team-chat", "web:team-session", "web:team-earlier"),
}
SESSION_PAGES = frozenset(pages[1] for pages in _PAGES.values())


@dataclass(frozen=True, slots=True)
class Partner:
    """`chips`: its tools or members in a few words. `gone`: it can't be talked to any more."""

    kind: str
    slug: str
    name: str
    description: str = ""
    mode: str = ""
    chips: tuple[str, ...] = ()
    tool_names: tuple[str, ...] = ()
    members: tuple[dict[str, Any], ...] = ()
    gone: bool = False

    @property
    def chat_url(self) -> str:
        return chat_url(self.kind, self.slug)

    @property
    def chips_label(self) -> str:
        return "Members" if self.kind == "team" else "Tools"


def chat_url(kind: str, slug: str, session: UUID | None = None) -> str:
    """The page of a conversation; without a session that of a new one."""
    new, old, _ = _PAGES[kind]
    return reverse(new, args=[slug]) if session is None else reverse(old, args=[slug, session])


def earlier_url(session: Session) -> str:
    return reverse(_PAGES[session.kind][2], args=[session.slug, session.pk])


def partner(component: Agent | Team) -> Partner:
    """A published component as members see it: its revision, not its draft."""
    assert component.published is not None
    spec = component.published.spec
    if isinstance(component, Team):
        members = tuple(spec["members"])
        chips = tuple(one["name"] for one in members)
        return Partner(
            "team",
            component.slug,
            spec["name"],
            spec["description"],
            mode=spec["mode"],
            chips=chips,
            members=members,
        )
    tools = tuple(spec["tools"])
    return Partner(
        "agent",
        component.slug,
        spec["name"],
        spec["description"],
        chips=tuple(tool_label(name) for name in tools),
        tool_names=tools,
    )


def access_partner(who: Principal, kind: str, slug: str) -> Partner:
    """Raises NotFound where the member may run no such thing."""
    return partner(access_team(who, slug) if kind == "team" else access_agent(who, slug))


def partner_of(who: Principal, session: Session) -> Partner:
    """Also of a conversation whose component can't be run any more."""
    try:
        return access_partner(who, session.kind, session.slug)
    except NotFound:
        name = tool_label(session.slug.replace("-", "_"))
        return Partner(session.kind, session.slug, name, gone=True)
