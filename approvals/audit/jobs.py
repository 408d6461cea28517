"""What the cluster does about audit logs on a schedule."""

from __future__ import annotations

import logging

from django.db import DatabaseError

from approvals.audit.keys import KeyGone
from approvals.audit.prune import NotPruned, prune
from approvals.audit.seal import seal_all
from tenants.context import use_tenant
from tenants.models import every_tenant

log = logging.getLogger(__name__)


def seal_left_over() -> int:
    """Seal what processes that ended left unsealed; returns how many links were made."""
    made = 0
    for ref in every_tenant():
        with use_tenant(ref):
            try:
                made += seal_all()
            except (DatabaseError, KeyGone) as error:
                log.error("%s: not sealed: %s: %s", ref.schema, type(error).__name__, error)
    return made


def prune_audit() -> int:
    """Prune every tenant's log by AUDIT_RETENTION_DAYS; returns how many entries went.

    A log that doesn't prove is left as it is, and that is logged as an error.
    """
    gone = 0
    for ref in every_tenant():
        with use_tenant(ref):
            try:
                gone += prune()
            except (DatabaseError, KeyGone, NotPruned) as error:
                log.error("%s: audit log not pruned: %s", ref.schema, error)
    return gone
