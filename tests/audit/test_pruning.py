"""Old entries go without breaking the proof, and only behind a signed checkpoint."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from approvals.audit.jobs import prune_audit
from approvals.audit.models import AuditCheckpoint, AuditEntry, AuditSeal
from approvals.audit.prune import NotPruned, prune
from approvals.audit.seal import seal_all
from approvals.audit.verify import verify
from tenants import happened
from tenants.context import TenantRef, use_tenant
from tests.audit.test_chain import entry, forced, run

Two = tuple[TenantRef, TenantRef]


def test_pruned_entries_are_gone_and_the_rest_still_proves(two_logs: Two) -> None:
    mine, other = two_logs
    with use_tenant(mine):
        cut = AuditEntry.objects.get(pk=entry(4)).at
        old = AuditEntry.objects.filter(at__lt=cut).count()
        assert old >= 4
        assert prune(cut) == old
        assert not AuditEntry.objects.filter(at__lt=cut).exists()
        assert AuditSeal.objects.order_by("seq")[0].entry_id == entry(4)
        report = verify()
        assert report.ok, report.findings
        assert report.pruned_to == AuditCheckpoint.objects.get().seq > 0
        assert AuditEntry.objects.filter(action="audit.pruned").count() == 1
        happened.tell("test.happened", target=("thing", 7, ""))
        seal_all()
        assert prune(timezone.now()) > 0, "a second checkpoint follows the first"
        assert AuditCheckpoint.objects.count() == 2
        assert verify().ok
    with use_tenant(other):
        assert AuditEntry.objects.filter(action="test.happened").count() == 6


def test_nothing_is_pruned_unless_it_is_said_how_old(two_logs: Two, settings: object) -> None:
    with use_tenant(two_logs[0]):
        before = AuditEntry.objects.count()
        assert prune() == 0
        settings.AUDIT_RETENTION_DAYS = 1  # type: ignore[attr-defined]
        assert prune() == 0
        assert AuditEntry.objects.count() == before
        settings.AUDIT_RETENTION_DAYS = 0  # type: ignore[attr-defined]
    assert prune_audit() == 0


def test_a_log_that_does_not_prove_is_not_pruned(two_logs: Two) -> None:
    ref = two_logs[0]
    with use_tenant(ref):
        forced(ref, f"UPDATE approvals_auditentry SET via = 'key' WHERE id = {entry(1)}")
        with pytest.raises(NotPruned, match="was changed"):
            prune(timezone.now() + timedelta(days=1))
        assert AuditEntry.objects.filter(pk=entry(1)).exists()
        assert not AuditCheckpoint.objects.exists()


def test_a_forged_checkpoint_lets_rows_go_and_is_found(two_logs: Two) -> None:
    ref = two_logs[0]
    with use_tenant(ref):
        seq = AuditSeal.objects.get(entry_id=entry(3)).seq
        with pytest.raises(IntegrityError, match="append-only"):
            run(ref, f"DELETE FROM approvals_auditentry WHERE id = {entry(0)}")
        run(
            ref,
            "INSERT INTO approvals_auditcheckpoint "
            f"SELECT {seq}, sha256('x'), 0, 3, now(), now(), now(), max(id), sha256('y') "
            "FROM approvals_auditkey",
            f"DELETE FROM approvals_auditentry WHERE id = {entry(0)}",
        )
        found = [str(finding) for finding in verify().findings]
        assert "the checkpoint was not made with our key" in found[0]


def test_a_checkpoint_covers_what_is_before_it_and_no_more(two_logs: Two) -> None:
    ref = two_logs[0]
    with use_tenant(ref):
        prune(AuditEntry.objects.get(pk=entry(3)).at)
        for table in ("auditentry", "auditseal"):
            with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM approvals_{table}")
        assert verify().ok
