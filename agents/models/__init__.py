"""What a tenant's agents are made of. One subject a file."""

from agents.models.agent import Agent, Revision
from agents.models.guardrail import TenantGuardrail
from agents.models.note import Note
from agents.models.prompt_setting import PromptSetting
from agents.models.run import Run, Step
from agents.models.session import Message, Session
from agents.models.team import Team, TeamMember

__all__ = [
    "Agent",
    "Message",
    "Note",
    "PromptSetting",
    "Revision",
    "Run",
    "Session",
    "Step",
    "Team",
    "TeamMember",
    "TenantGuardrail",
]
