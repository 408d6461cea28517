"""A command that is told to end while it starts ends at once, and says nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.nursery import run

# Settings, read by every command, in which the signal comes where Python 3.11 wraps what is raised.
TOLD_IN_AN_IMPORT = """
import signal

class Told:
    def __set_name__(self, owner, name):
        signal.raise_signal(signal.SIGTERM)

class Owner:
    told = Told()

from config.settings.test import *
"""
# The first fork of the task cluster is its sentinel, whose parent does not know it yet.
TOLD_IN_A_FORK = """
import os, signal

def tell(told=[]):
    if not told:
        told.append(True)
        signal.raise_signal(signal.SIGTERM)

os.register_at_fork(before=tell)

from config.settings.test import *
"""
GIVEN_UP = "WARNING psycopg.pool: discarding closed connection"


@pytest.mark.parametrize(
    ("settings", "codes", "command"),
    [
        (TOLD_IN_AN_IMPORT, {143}, ["shell", "-v0", "--command", "import time; time.sleep(60)"]),
        # A signal that comes again may find the command's own handler there already.
        (TOLD_IN_AN_IMPORT, {143, 0}, ["qcluster", "--skip-checks"]),
        (TOLD_IN_AN_IMPORT, {143, 0}, ["run_executor", "--skip-checks"]),
        (TOLD_IN_A_FORK, {0}, ["qcluster", "--skip-checks"]),
    ],
)
def test_a_command_told_to_end_while_it_starts_ends_cleanly(
    database: None, tmp_path: Path, settings: str, codes: set[int], command: list[str]
) -> None:
    tmp_path.joinpath("told.py").write_text(settings)
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    ended = run(
        *("manage.py", *command),
        env={
            **kept,
            "PYTHONPATH": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "told",
            "LOG_LEVEL": "WARNING",  # as it is by default
        },
    )
    assert ended.returncode in codes
    # The pool warns of a connection that was given up in the middle of a statement: it may.
    said = [line for line in ended.stderr.splitlines() if GIVEN_UP not in line]
    assert (ended.stdout if ended.returncode == 143 else "", said) == ("", [])
    assert "Traceback" not in ended.stdout
