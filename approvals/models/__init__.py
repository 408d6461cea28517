from approvals.audit.models import AuditCheckpoint, AuditEntry, AuditHead, AuditKey, AuditSeal
from approvals.models.approval import Approval, Decision, Delegation
from approvals.models.call_count import CallCount
from approvals.models.grant import Grant, Tier

__all__ = [
    "Approval",
    "AuditCheckpoint",
    "AuditEntry",
    "AuditHead",
    "AuditKey",
    "AuditSeal",
    "CallCount",
    "Decision",
    "Delegation",
    "Grant",
    "Tier",
]
