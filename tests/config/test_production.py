"""A production start on anything that is only fit for development is refused, with the reason."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from config.embedded import url
from tenants.accounts.demo import DEMO_PASSWORD
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_tenant
from tests.support.nursery import Ended, run

ROOT = Path(__file__).resolve().parent.parent.parent
LONG = "0123456789" * 5
GOOD = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "s" + LONG,
    "JWT_SIGNING_KEY": "j" + LONG,
    "SECRETS_KEYS": f"k{LONG},l{LONG}",
    "DATABASE_URL": "postgresql://app:pw@db.example:5432/concord",
    "ALLOWED_HOSTS": ".example.com",
    "MODEL_BASE_URL": "https://models.example.com/v1",
    "MODEL_NAME": "some-model",
}
SERVE = ["-m", "config.launch", "uvicorn", "--port", "0", "config.asgi:application"]
DEPLOY = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]


def start(*command: str, **changes: str) -> Ended:
    """Python with this command line, in a good production environment but for `changes`."""
    env = {key: os.environ[key] for key in ("PATH", "HOME", "DATA_DIR") if key in os.environ}
    return run(*command, env={**env, **{k: v for k, v in {**GOOD, **changes}.items() if v}})


def test_a_complete_configuration_passes_the_deployment_check() -> None:
    ended = start(*DEPLOY)
    assert ended.returncode == 0, ended.stderr
    assert "no issues (0 silenced)" in ended.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "x" * 60),
        ("SECRET_KEY", "dev-" + LONG),
        ("SECRET_KEY", "django-insecure-" + LONG),
        ("SECRET_KEY_FALLBACKS", "dev-" + LONG),
        ("JWT_SIGNING_KEY", ""),
        ("JWT_SIGNING_KEY", "dev-" + LONG),
        ("JWT_ACCEPTED_KEYS", "j" + LONG + ",short"),
        ("SECRETS_KEYS", ""),
        ("SECRETS_KEYS", "k" + LONG + ",short"),
        ("SECRETS_KEYS", "dev-" + LONG),
        ("DATABASE_URL", ""),
        ("ALLOWED_HOSTS", ""),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "ops.example.com,.com"),
        ("CSRF_TRUSTED_ORIGINS", "http://ops.example.com"),
        ("CSRF_TRUSTED_ORIGINS", "https://*"),
        ("CSRF_TRUSTED_ORIGINS", "https://*.com"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("PUBLIC_URL", "http://{host}"),
        ("MODEL_BASE_URL", ""),
        ("MODEL_NAME", ""),
        ("DEBUG", "1"),
    ],
)
def test_what_is_only_fit_for_development_keeps_the_server_from_starting(
    name: str, value: str
) -> None:
    ended = start(*SERVE, **{name: value})
    assert ended.returncode == 1
    assert ended.stderr.startswith("concord: these settings are not fit for production:\n  - ")
    (line,) = ended.stderr.splitlines()[1:]
    assert line.startswith(f"  - {name}")
    if "KEY" in name:
        assert not any(key in ended.stderr for key in value.split(",") if key)


def test_everything_that_is_wrong_is_said_at_once_and_by_every_command() -> None:
    wrong = {name: "" for name in GOOD if name != "DJANGO_SETTINGS_MODULE"}
    for command in (SERVE, ["manage.py", "migrate"], ["manage.py", "qcluster"]):
        ended = start(*command, **{**wrong, "DEBUG": "1"})
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        lines = [line for line in ended.stderr.splitlines() if line.startswith("  - ")]
        named = {line.removeprefix("  - ").partition(" ")[0] for line in lines}
        assert named == {*wrong, "DEBUG"} - {"MODEL_NAME"}


def test_tenants_may_be_the_only_ones_with_models() -> None:
    ended = start(*DEPLOY, MODEL_BASE_URL="", MODEL_NAME="", TENANT_MODELS_ONLY="1")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "line",
    [
        "SESSION_COOKIE_SECURE = False",
        "CSRF_COOKIE_SECURE = False",
        "SESSION_COOKIE_HTTPONLY = False",
        "SESSION_COOKIE_DOMAIN = '.example.com'",
        "DEBUG = True",
        "ALLOWED_HOSTS = ['*']",
    ],
)
def test_settings_derived_from_the_production_ones_are_held_to_the_same(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / "derived.py").write_text(f"from config.settings.production import *\n{line}\n")
    ended = start("manage.py", "check", DJANGO_SETTINGS_MODULE="derived", PYTHONPATH=str(tmp_path))
    assert ended.returncode == 1
    assert f"(concord.E005) {line.partition(' ')[0]}" in ended.stderr


@pytest.fixture
def database_url(database: None) -> str:
    """The tests' database, demo and all, as a production server would be led to it."""
    return url(Path(os.environ["DATA_DIR"]))


def test_demo_members_keep_the_server_from_starting(database_url: str) -> None:
    ended = start(*SERVE, DATABASE_URL=database_url)
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("  - ")]
    assert line.startswith("  - concord.E003: Demo members can sign in to: ")
    for slug in ("acme", "globex", "platform"):
        assert slug in line
    assert "manage.py suspend_demo" in line


def test_suspending_the_demo_is_what_it_takes(
    acme: TenantRef, globex: TenantRef, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from agents.checks import no_demo_members

    settings.REFUSE_DEMO_MEMBERS = True
    assert len(no_demo_members(None, databases=["default"])) == 1
    call_command("suspend_demo")
    said = capsys.readouterr().out
    assert "acme: " in said and "globex: " in said and "platform: 1 suspended" in said
    assert no_demo_members(None, databases=["default"]) == []
    for ref in (acme, globex):
        with use_tenant(ref):
            assert not Member.objects.filter(is_demo=True, is_active=True).exists()
    call_command("suspend_demo")
    assert "there is no demo member to suspend" in capsys.readouterr().out


def test_the_demos_password_opens_no_account_in_production(
    acme_member: Member, settings: Any
) -> None:
    def sign_in() -> object:
        return authenticate(None, username="member", password=DEMO_PASSWORD)

    assert sign_in() == acme_member
    settings.REFUSE_DEMO_MEMBERS = True
    assert sign_in() is None
