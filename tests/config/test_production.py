"""A production start on anything that is only fit for development is refused, with the reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = {
    "SECRET_KEY": "s" * 48,
    "JWT_SIGNING_KEY": "j" * 48,
    "SECRETS_KEYS": "k" * 48 + "," + "l" * 48,
    "DATABASE_URL": "postgresql://app:pw@db.example:5432/concord",
    "ALLOWED_HOSTS": ".example.com",
}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in GOOD and key not in ("DEBUG", "DJANGO_SETTINGS_MODULE")
    }
    return subprocess.run(
        [sys.executable, "-c", "import config.settings.production"],
        cwd=ROOT,
        env={**env, **{k: v for k, v in {**GOOD, **changes}.items() if v}},
        capture_output=True,
        text=True,
    )


def test_a_complete_configuration_starts() -> None:
    assert start().returncode == 0, start().stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "dev-" + "x" * 60),
        ("JWT_SIGNING_KEY", "dev-" + "x" * 60),
        ("SECRETS_KEYS", ""),
        ("SECRETS_KEYS", "k" * 48 + ",short"),
        ("SECRETS_KEYS", "dev-" + "x" * 60),
        ("DATABASE_URL", ""),
        ("ALLOWED_HOSTS", ""),
        ("ALLOWED_HOSTS", "*"),
        ("DEBUG", "1"),
    ],
)
def test_what_is_only_fit_for_development_is_refused(name: str, value: str) -> None:
    ended = start(**{name: value})
    assert ended.returncode != 0
    assert name in ended.stderr.splitlines()[-1]
    if value:
        assert value not in ended.stderr or not name.startswith("SECRET")


@pytest.mark.django_db
def test_demo_members_keep_a_production_server_from_starting(settings: object) -> None:
    from agents.checks import no_demo_members

    assert no_demo_members(None, databases=["default"]) == []
    settings.REFUSE_DEMO_MEMBERS = True  # type: ignore[attr-defined]
    (error,) = no_demo_members(None, databases=["default"])
    assert error.id == "concord.E003" and "acme" in error.msg and "globex" in error.msg
