"""The log refuses to be changed, and where somebody forces it, the chain says where."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction

from approvals.audit.jobs import seal_left_over
from approvals.audit.models import AuditEntry, AuditHead, AuditKey, AuditSeal
from approvals.audit.seal import seal_all, seal_pending
from approvals.audit.verify import Anchor, verify
from tenants import happened
from tenants.context import TenantRef, use_tenant

TABLES = ("auditentry", "auditseal", "auditcheckpoint")
Two = tuple[TenantRef, TenantRef]


def run(ref: TenantRef, *statements: str) -> None:
    with use_tenant(ref), transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def forced(ref: TenantRef, *statements: str) -> None:
    """As the tables' owner, who can switch triggers off."""
    tables = [f"approvals_{table}" for table in TABLES]
    off = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables]
    on = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables]
    run(ref, *off)
    run(ref, *statements)
    run(ref, *on)


def entry(number: int) -> int:
    return AuditEntry.objects.get(target_id=str(number), action="test.happened").pk


def tell(number: int) -> None:
    happened.tell("test.happened", target=("thing", number, f"Thing {number}"))


# --- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE approvals_auditentry SET action = 'nothing'",
        "DELETE FROM approvals_auditentry",
        "TRUNCATE approvals_auditentry",
        "UPDATE approvals_auditseal SET hash = ''",
        "DELETE FROM approvals_auditseal",
        "TRUNCATE approvals_auditseal CASCADE",
        "TRUNCATE approvals_auditcheckpoint",
    ],
)
def test_the_database_refuses_to_change_the_log(two_logs: Two, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        run(two_logs[0], statement)
    with use_tenant(two_logs[0]):
        assert verify().ok


def test_nobody_chooses_an_entrys_time_or_number(two_logs: Two) -> None:
    ref = two_logs[0]
    values = "('x', '2020-01-01', '', '', '', '', '', '', '', '', 'ok')"
    columns = (
        "action, at, actor_name, via, credential, target_type, target_id, target_name, address, "
        "trace_id, result"
    )
    run(ref, f"INSERT INTO approvals_auditentry ({columns}) VALUES {values}")
    with use_tenant(ref):
        assert AuditEntry.objects.get(action="x").at.year > 2020
    with pytest.raises(Exception, match="GENERATED ALWAYS"):
        run(ref, "INSERT INTO approvals_auditentry (id, action) VALUES (1, 'x')")


# --- found ----------------------------------------------------------------------------------------


def changed(ref: TenantRef) -> str:
    forced(ref, f"UPDATE approvals_auditentry SET actor_name = 'Eve' WHERE id = {entry(2)}")
    return f"entry {entry(2)} or the link was changed"


def deleted(ref: TenantRef) -> str:
    gone = entry(3)
    forced(ref, f"DELETE FROM approvals_auditentry WHERE id = {gone}")
    return f"its entry {gone} was deleted"


def deleted_with_its_link(ref: TenantRef) -> str:
    gone = entry(3)
    seq = AuditSeal.objects.get(entry_id=gone).seq
    forced(
        ref,
        f"DELETE FROM approvals_auditseal WHERE entry_id = {gone}",
        f"DELETE FROM approvals_auditentry WHERE id = {gone}",
    )
    return f"link {seq} is missing before it"


def swapped(ref: TenantRef) -> str:
    first, second = entry(1), entry(4)
    forced(
        ref,
        f"UPDATE approvals_auditseal SET entry_id = -1 WHERE entry_id = {first}",
        f"UPDATE approvals_auditseal SET entry_id = {first} WHERE entry_id = {second}",
        f"UPDATE approvals_auditseal SET entry_id = {second} WHERE entry_id = -1",
    )
    return "was changed: the hash is another"


def made_without_the_key(ref: TenantRef) -> str:
    forced(ref, f"UPDATE approvals_auditseal SET hash = sha256('x') WHERE entry_id = {entry(2)}")
    return "was changed: the hash is another"


def cut_off_at_the_end(ref: TenantRef) -> str:
    last = AuditSeal.objects.order_by("-seq")[0]
    forced(
        ref,
        f"DELETE FROM approvals_auditseal WHERE seq = {last.seq}",
        f"DELETE FROM approvals_auditentry WHERE id = {last.entry_id}",
    )
    return f"{last.seq} to {last.seq} are missing at the end"


def cut_off_and_the_head_moved(ref: TenantRef) -> str:
    last = AuditSeal.objects.order_by("-seq")[0]
    forced(
        ref,
        f"DELETE FROM approvals_auditseal WHERE seq = {last.seq}",
        f"DELETE FROM approvals_auditentry WHERE id = {last.entry_id}",
        f"UPDATE approvals_audithead SET seq = {last.seq - 1}",
    )
    tell(99)  # whatever is sealed next must not paper over it
    return f"link {last.seq} is missing before it"


def without_a_head(ref: TenantRef) -> str:
    last = AuditSeal.objects.order_by("-seq")[0].seq
    forced(ref, "DELETE FROM approvals_audithead")
    tell(99)
    return f"link {last + 1} is missing before it"


def without_a_key(ref: TenantRef) -> str:
    forced(ref, "DELETE FROM approvals_auditkey")
    return "it can't be proven: audit key"


def put_in_the_middle(ref: TenantRef) -> str:
    try:  # an id that was drawn and never committed
        with transaction.atomic():
            tell(50)
            gap = entry(50)
            raise IntegrityError
    except IntegrityError:
        pass
    tell(51)
    while AuditHead.objects.get().floor < gap:
        seal_pending(settle=0.0)
    forced(
        ref,
        "INSERT INTO approvals_auditentry OVERRIDING SYSTEM VALUE "
        f"SELECT {gap}, (to_jsonb(e) ->> 'at')::timestamptz, e.actor_id, 'Eve', e.via, "
        "e.credential, e.action, e.target_type, 'late', e.target_name, e.before, e.after, "
        f"e.detail, e.address, e.trace_id, e.run_id, e.result FROM approvals_auditentry e "
        f"WHERE e.id = {entry(51)}",
    )
    return f"entry {gap} was put in among older ones by hand"


def dated_back(ref: TenantRef) -> str:
    tell(60)
    forced(
        ref,
        f"UPDATE approvals_auditentry SET at = at - interval '2 hours' WHERE id = {entry(60)}",
    )
    return f"entry {entry(60)} is dated back"


@pytest.mark.parametrize(
    "tamper",
    [
        changed,
        deleted,
        deleted_with_its_link,
        swapped,
        made_without_the_key,
        cut_off_at_the_end,
        cut_off_and_the_head_moved,
        without_a_head,
        without_a_key,
        put_in_the_middle,
        dated_back,
    ],
    ids=lambda tamper: tamper.__name__,
)
def test_what_was_tampered_with_is_found_and_named(
    two_logs: Two, tamper: Callable[[TenantRef], str], capsys: pytest.CaptureFixture[str]
) -> None:
    mine, other = two_logs
    with use_tenant(mine):
        assert verify().ok
        expected = tamper(mine)
        found = [str(finding) for finding in verify().findings]
        assert any(expected in finding for finding in found), (expected, found)
    with pytest.raises(CommandError, match="does not hold: audited") as refused:
        call_command("verify_audit", schema=mine.schema)
    assert refused.value.returncode == 1
    assert expected in capsys.readouterr().out
    call_command("verify_audit", schema=other.schema)
    assert "untouched: holds" in capsys.readouterr().out


def test_a_head_kept_elsewhere_finds_a_log_put_back_whole(two_logs: Two) -> None:
    ref = two_logs[0]
    with use_tenant(ref):
        before = AuditHead.objects.get()
        tell(70)
        kept = verify()
        assert kept.ok
        anchor = Anchor(kept.last, kept.head)
        tell(71)
        assert verify(anchor).ok, "an older head is still contained"
        forced(
            ref,
            f"DELETE FROM approvals_auditseal WHERE entry_id >= {entry(70)}",
            f"DELETE FROM approvals_auditentry WHERE id >= {entry(70)}",
        )
        before.save()
        assert verify().ok, "from the inside nothing is wrong"
        found = [finding.what for finding in verify(anchor).findings]
        assert found == [f"the chain does not contain {anchor.seq}:{anchor.hash}"]


# --- sealing --------------------------------------------------------------------------------------


def test_entries_written_by_many_at_once_are_all_sealed_once(two_logs: Two) -> None:
    ref = two_logs[0]
    done = threading.Event()

    def write(worker: int) -> None:
        try:
            with use_tenant(ref):
                for number in range(25):
                    with transaction.atomic():
                        tell(1000 + worker * 100 + number)
                        if number % 5 == 4:
                            transaction.set_rollback(True)
        finally:
            connections.close_all()

    def seal() -> None:
        try:
            with use_tenant(ref):
                while not done.is_set():
                    seal_pending(settle=0.05)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    sealers = [threading.Thread(target=seal) for _ in range(2)]
    for thread in [*sealers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    with use_tenant(ref):
        assert AuditEntry.objects.filter(target_id__regex=r"^1\d{3}$").count() == 80
        report = verify()
        assert report.ok, report.findings
        assert report.entries == AuditEntry.objects.count() == AuditSeal.objects.count()


def test_the_schedule_seals_what_a_crash_left(two_logs: Two) -> None:
    for ref in two_logs:
        with use_tenant(ref):
            tell(80)
    assert seal_left_over() >= 2
    for ref in two_logs:
        with use_tenant(ref):
            assert AuditSeal.objects.filter(entry_id=entry(80)).exists()


def test_keys_are_rotated_without_losing_the_proof(two_logs: Two, settings: Any) -> None:
    ref = two_logs[0]
    old = settings.SECRETS_KEYS
    settings.SECRETS_KEYS = ["another-installation-key", *old]
    with use_tenant(ref):
        tell(90)
        seal_all()
        assert AuditKey.objects.count() == 2
        settings.SECRETS_KEYS = ["another-installation-key"]
        assert "opens under none of SECRETS_KEYS" in str(verify().findings[0])
    settings.SECRETS_KEYS = ["another-installation-key", *old]
    try:
        call_command("rotate_secrets")
        settings.SECRETS_KEYS = ["another-installation-key"]
        with use_tenant(ref):
            report = verify()
            assert report.ok, report.findings
            assert len(set(AuditSeal.objects.values_list("key_id", flat=True))) == 2
    finally:
        settings.SECRETS_KEYS = [*old, "another-installation-key"]
        call_command("rotate_secrets")
