"""A start that was prepared before serves at once; any doubt makes it prepare first."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from config import embedded
from config.prepared import NotPrepared, prepare, was_prepared


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder that looks as if its database had been made."""
    data = embedded.location(tmp_path).data
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("18\n")
    return tmp_path


def _note_as_after_success(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whether the command itself works is test_up's subject; here it only ends well.
    monkeypatch.setattr("sys.executable", shutil.which("true"))
    prepare(data_dir, os.environ, demo=True)


def test_nothing_is_prepared_without_a_note(data_dir: Path) -> None:
    assert not was_prepared(data_dir, demo=True)


def test_the_same_again_is_prepared(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _note_as_after_success(data_dir, monkeypatch)
    assert was_prepared(data_dir, demo=True)


def test_another_wish_or_other_settings_are_not(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _note_as_after_success(data_dir, monkeypatch)
    assert not was_prepared(data_dir, demo=False)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings.production")
    assert not was_prepared(data_dir, demo=True)


def test_a_changed_source_is_not(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    checkout = tmp_path_factory.mktemp("checkout")
    source = checkout / "0001_initial.py"
    source.write_text("first")
    monkeypatch.setattr("config.prepared.CHECKOUT", checkout)
    _note_as_after_success(data_dir, monkeypatch)
    assert was_prepared(data_dir, demo=True)
    source.write_text("another")
    assert not was_prepared(data_dir, demo=True)


def test_a_database_made_anew_is_not(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _note_as_after_success(data_dir, monkeypatch)
    version = embedded.location(data_dir).data / "PG_VERSION"
    os.utime(version, ns=(1, 1))
    assert not was_prepared(data_dir, demo=True)


def test_a_failure_is_raised_and_not_noted(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    with pytest.raises(NotPrepared):
        prepare(data_dir, os.environ, demo=True)
    assert not was_prepared(data_dir, demo=True)
