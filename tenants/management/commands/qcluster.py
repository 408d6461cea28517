"""The task cluster: django-q's, that may be told to end at any moment of its start too."""

from __future__ import annotations

import multiprocessing
from types import FrameType
from typing import Any

from django_q.cluster import Cluster
from django_q.management.commands import qcluster

from config import leaving


class PatientCluster(Cluster):  # type: ignore[misc]
    """One whose handler of signals waits until there is something to stop.

    django-q's own, in the middle of a start, fails on a sentinel that isn't there yet, takes one
    that is being forked for one that has ended, or waits for it with its lock in hand.
    """

    started = False

    def start(self) -> int:
        pid: int = super().start()
        self.started = True
        return pid

    def sig_handler(self, signum: int, frame: FrameType | None) -> None:
        if self.started:
            super().sig_handler(signum, frame)
        else:
            leaving.later()


class Command(qcluster.Command):  # type: ignore[misc]
    def handle(self, *args: Any, **options: Any) -> None:
        """Serves until SIGTERM or SIGINT; with --run-once, ends when it has begun."""
        qcluster.Cluster = PatientCluster
        super().handle(*args, **options)
        # Who leaves before its sentinel does would take the embedded database along.
        for child in multiprocessing.active_children():
            child.join()
