"""The stress in small: nothing leaks here, and what leaks is found. The whole is `make stress`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from config.embedded_cluster import Cluster
from tests.stress.ground import Ground
from tests.stress.variants import MUTATED, PROBES, Variant, stress


@pytest.fixture
def ground(committed: None) -> Iterator[Ground]:
    cluster = Cluster(Path(settings.DATA_DIR), durable=False)
    ground = Ground(cluster, settings.DATABASES["default"]["NAME"], ("acme", "globex"))
    ground.prepare()
    yield ground
    ground.remove()


def test_interleaved_tenants_see_and_write_their_own_rows_alone(ground: Ground) -> None:
    tally = stress(ground, Variant("product"), seconds=2, workers=12)
    assert set(PROBES) <= set(tally.checks)
    assert (tally.wrong_reads, tally.wrong_writes, dict(tally.errors)) == (0, 0, {})


def test_a_server_that_skips_checks_is_found_leaking(ground: Ground) -> None:
    """More of them than `make stress` skips, because it has less time."""
    mutated = replace(MUTATED, kinds=("uvicorn",), skip=0.2)
    assert stress(ground, mutated, seconds=2, workers=12).wrong > 0
