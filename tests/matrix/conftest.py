"""Everybody who may ask, made once for all matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.matrix.people import Person, everybody


@pytest.fixture(scope="package")
def people(database: None, django_db_blocker: Any) -> Iterator[list[Person]]:
    with django_db_blocker.unblock(), everybody() as found:
        yield found
