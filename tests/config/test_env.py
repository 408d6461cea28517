"""Settings from the environment: typed, and refused with the variable's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.env import EnvError, env_bool, env_float, env_int, env_list, env_path, env_str


def test_unset_and_empty_mean_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_SETTING", raising=False)
    assert env_str("X_SETTING", "a") == "a"
    monkeypatch.setenv("X_SETTING", "  ")
    assert env_str("X_SETTING", "a") == "a"
    assert env_int("X_SETTING", 3) == 3
    assert env_float("X_SETTING", 0.5) == 0.5
    assert env_bool("X_SETTING", True) is True
    assert env_list("X_SETTING", ["a"]) == ["a"]
    assert env_path("X_SETTING", Path("/a")) == Path("/a")


def test_values_are_read_with_their_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_SETTING", " 12 ")
    assert env_int("X_SETTING", 3) == 12
    assert env_float("X_SETTING", 3) == 12.0
    monkeypatch.setenv("X_SETTING", "a, b,,c ")
    assert env_list("X_SETTING", []) == ["a", "b", "c"]
    monkeypatch.setenv("X_SETTING", "data")
    assert env_path("X_SETTING", Path("/a")) == Path.cwd() / "data"


@pytest.mark.parametrize(("raw", "value"), [("YES", True), ("0", False), ("off", False)])
def test_booleans_are_words_or_digits(
    monkeypatch: pytest.MonkeyPatch, raw: str, value: bool
) -> None:
    monkeypatch.setenv("X_SETTING", raw)
    assert env_bool("X_SETTING", not value) is value


def test_an_error_names_the_variable_its_value_and_what_is_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("X_SETTING", "many")
    with pytest.raises(EnvError, match=r"X_SETTING='many': expected a whole number"):
        env_int("X_SETTING", 1)
    with pytest.raises(EnvError, match=r"X_SETTING='many': expected a number"):
        env_float("X_SETTING", 1)
    with pytest.raises(EnvError, match=r"X_SETTING='many': expected 1, true"):
        env_bool("X_SETTING", True)
    monkeypatch.setenv("X_SETTING", "nan")
    with pytest.raises(EnvError, match="finite"):
        env_float("X_SETTING", 1)
    monkeypatch.setenv("X_SETTING", "0")
    with pytest.raises(EnvError, match="at least 1"):
        env_int("X_SETTING", 1, least=1)
