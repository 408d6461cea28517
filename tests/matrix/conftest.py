"""Everybody who may ask, made once for all matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.matrix.asking import Asker
from tests.matrix.people import Person, everybody
from tests.support.server import Server


@pytest.fixture(scope="package")
def people(database: None, django_db_blocker: Any) -> Iterator[list[Person]]:
    with django_db_blocker.unblock(), everybody() as found:
        yield found


@pytest.fixture
def asker(server: Server) -> Iterator[Asker]:
    made = Asker(server.port)
    yield made
    made.close()
