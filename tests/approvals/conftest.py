"""The demo's tenants without grants for as long as a test lasts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.approvals.granting import no_grants


@pytest.fixture
def granting(committed: None) -> Iterator[None]:
    """The database as other processes see it; the grants that were there come back."""
    with no_grants():
        yield
