from approvals.models.approval import Approval, Decision, Delegation
from approvals.models.call_count import CallCount
from approvals.models.grant import Grant, Tier

__all__ = ["Approval", "CallCount", "Decision", "Delegation", "Grant", "Tier"]
