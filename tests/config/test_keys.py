"""Secrets of a local installation: one for all who start together."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.keys import DEVELOPMENT_PREFIX, local_key

AT_ONCE = 8


def test_those_who_start_together_have_the_same_key(tmp_path: Path) -> None:
    together = threading.Barrier(AT_ONCE)

    def ask(name: str) -> str:
        together.wait()
        return local_key(tmp_path, name)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for number in range(50):
            [key] = set(threads.map(ask, [f"key-{number}"] * AT_ONCE))
            assert key.startswith(DEVELOPMENT_PREFIX) and len(key) > 60
    files = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert files == sorted(f"key-{number}" for number in range(50))
    assert stat.S_IMODE((tmp_path / "keys" / "key-0").stat().st_mode) == 0o600


def test_a_key_stays_and_an_empty_file_is_none(tmp_path: Path) -> None:
    assert local_key(tmp_path, "one") == local_key(tmp_path, "one") != local_key(tmp_path, "other")
    (tmp_path / "keys" / "one").write_text("")
    with pytest.raises(RuntimeError, match="is empty: delete it"):
        local_key(tmp_path, "one")
