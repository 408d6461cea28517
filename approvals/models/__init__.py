from approvals.models.approval import Approval, Decision, Delegation
from approvals.models.grant import Grant, Tier

__all__ = ["Approval", "Decision", "Delegation", "Grant", "Tier"]
