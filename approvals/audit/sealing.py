"""When sealing happens: soon after this process wrote, and by the schedule for what a crash left.

Whoever writes an entry marks its tenant; a thread of the process seals the marked ones once in
AUDIT_SEAL_SECONDS, so that a run waits for no lock and no hash. One thread and one connection a
process, begun with its first mark; nothing happens while nothing is written.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
import time

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction

from approvals.audit.keys import KeyGone
from approvals.audit.seal import seal_pending
from tenants.context import TenantRef, current_tenant, use_tenant
from tenants.every import has_tables

log = logging.getLogger(__name__)

# A connection that seals nothing for so long is given back.
_IDLE_SECONDS = 30.0
_PLATFORM = TenantRef(schema="platform", kind="platform")


class Sealer:
    def __init__(self) -> None:
        self._marked: dict[str, TenantRef] = {}
        self._something = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def mark(self, ref: TenantRef) -> None:
        """The tenant has something to seal. A dictionary's entry when it is marked already."""
        if ref.schema in self._marked:
            return
        self._marked[ref.schema] = ref
        self._something.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._for_ever, name="audit-sealer", daemon=True
                )
                self._thread.start()

    def _for_ever(self) -> None:
        while True:
            if not self._something.wait(_IDLE_SECONDS):
                connection.close()
                self._something.wait()
            time.sleep(settings.AUDIT_SEAL_SECONDS)
            self._something.clear()
            marked = list(self._marked.values())
            self._marked.clear()
            close_old_connections()
            for ref in marked:
                self._seal(ref)

    def _seal(self, ref: TenantRef) -> None:
        try:
            with use_tenant(ref):
                again = seal_pending().again
        except Exception as error:  # the others' turn all the same
            if not has_tables(ref):  # being set up, or deleted meanwhile, log and all
                return
            # Nothing is lost: the next mark or the schedule tries again.
            if isinstance(error, (DatabaseError, KeyGone)):
                log.warning("%s: not sealed: %s: %s", ref.schema, type(error).__name__, error)
            else:
                log.exception("%s: the audit log could not be sealed", ref.schema)
            return
        if again:
            self.mark(ref)


_sealer = Sealer()


def mark() -> None:
    """The active tenant has a new entry, which is committed."""
    if settings.AUDIT_SEAL_SECONDS > 0:
        _sealer.mark(current_tenant())


def mark_on_commit(*, of_platform: bool = False) -> None:
    """The active tenant, or the platform, will have a new entry when the ORM commits."""
    if settings.AUDIT_SEAL_SECONDS > 0:
        # By then another tenant may be active, or none.
        ref = _PLATFORM if of_platform else current_tenant()
        transaction.on_commit(functools.partial(_mark, ref), robust=True)


def _mark(ref: TenantRef) -> None:
    _sealer.mark(ref)


def _anew() -> None:
    global _sealer
    _sealer = Sealer()


# A forked child has none of its parent's threads.
os.register_at_fork(after_in_child=_anew)
