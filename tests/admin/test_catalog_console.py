"""The platform gives a tenant the catalogue; what the tenant made its own stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from tests.admin.console import Console
from tests.admin.test_platform_console import PASSWORD, provision, remove

Consoles = Callable[..., Console]


@pytest.fixture
def tenant(console: Consoles) -> Iterator[tuple[str, str]]:
    root, slug = console("platform", "root"), f"t{uuid4().hex[:8]}"
    path = provision(root, slug)
    yield path, slug
    remove(root, path, slug)


def test_the_catalogue_is_installed_by_a_confirmed_button(
    console: Consoles, visitor: Callable[[str], Console], tenant: tuple[str, str]
) -> None:
    root, (path, slug) = console("platform", "root"), tenant
    owner = visitor(slug)
    owner.sign_in("ada", PASSWORD)
    assert "Service desk" not in owner.page("/admin/")
    button = path.replace("/change/", "/install-catalog/")
    assert button in root.get(path).text
    asked = root.page(button)
    assert "Helpdesk: Looks after services" in asked
    assert "No agent yet" in owner.page("/admin/agents/agent/")  # asking does nothing

    assert "Emergency dispatch (workflow): Takes an emergency report" in asked
    told = root.told(root.post(button))
    assert "Installed: " in told and " helpdesk, " in told and " emergency-dispatch, " in told
    page = owner.page("/admin/agents/agent/")
    assert "Helpdesk" in page and "Back office" in page
    assert "Service desk" in owner.page("/admin/")
    assert "Espresso machine" in owner.page("/admin/desk/order/")
    assert "Unchanged: " in root.told(root.post(button))


def test_nobody_else_installs_it(
    console: Consoles, visitor: Callable[[str], Console], tenant: tuple[str, str]
) -> None:
    path, slug = tenant
    button = path.replace("/change/", "/install-catalog/")
    assert visitor("platform").post(button).status_code in (302, 403)
    assert console("acme", "owner").post(button).status_code == 404
    owner = visitor(slug)
    owner.sign_in("ada", PASSWORD)
    assert "No agent yet" in owner.page("/admin/agents/agent/")
