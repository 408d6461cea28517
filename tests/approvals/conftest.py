"""The demo's tenants without grants, before and after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.approvals.granting import take_grants_away


@pytest.fixture
def granting(committed: None) -> Iterator[None]:
    """The database as other processes see it; whatever grants a test makes are gone after it."""
    take_grants_away()
    yield
    take_grants_away()
