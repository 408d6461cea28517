"""What several files of these tests stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fleet import FleetDatabase, fleet_database


@pytest.fixture(scope="session")
def fleet(database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetDatabase]:
    """A database with the demo in it that no other test's server works on."""
    with fleet_database(tmp_path_factory.mktemp("fleet")) as found:
        yield found
