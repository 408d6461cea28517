"""What the cluster does about audit logs on a schedule."""

from __future__ import annotations

from approvals.audit.keys import KeyGone
from approvals.audit.prune import NotPruned, prune
from approvals.audit.seal import seal_all
from tenants.every import in_every_tenant


def seal_left_over() -> int:
    """Seal what processes that ended left unsealed; returns how many links were made."""
    return sum(in_every_tenant(seal_all, KeyGone))


def prune_audit() -> int:
    """Prune every tenant's log by AUDIT_RETENTION_DAYS; returns how many entries went.

    A log that doesn't prove is left as it is, and that is logged as an error.
    """
    return sum(in_every_tenant(prune, KeyGone, NotPruned))
