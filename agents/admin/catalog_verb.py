"""The button on a tenant's page that gives it the showcase components. It is confirmed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from agents.admin.pages import Confirm, change_url, confirm_page, found, log_change, to
from agents.admin.scoped import scoped
from agents.catalog.files import read, slugs
from agents.catalog.install import Installed, Outcome, install_each
from config.errors import Problem
from tenants.accounts.scopes import Scope
from tenants.context import use_tenant
from tenants.models import Tenant


class CatalogVerb:
    """For the tenants' admin class."""

    @scoped(
        Scope.PLATFORM_WRITE,
        description="Install the catalogue…",
        icon="widgets",
        url_path="install-catalog",
    )
    def install_catalog(self, request: HttpRequest, object_id: str) -> HttpResponse:
        tenant = found(self, request, object_id)  # type: ignore[arg-type]
        if tenant.state != Tenant.State.ACTIVE or tenant.kind == Tenant.Kind.PLATFORM:
            messages.error(request, f"{tenant} runs no agents now.")
            return to(change_url(tenant))
        if request.method != "POST":
            specs = [read(slug).spec for slug in slugs()]
            asked = Confirm(
                f"Install the catalogue in {tenant}?",
                "These components are published there, with their grants and demo data to work "
                "on. What the tenant has edited itself is left alone.",
                "Install",
                items=[_item(spec.kind, spec.name, spec.description) for spec in specs],
                back=change_url(tenant),
            )
            return confirm_page(self, request, asked, tenant)  # type: ignore[arg-type]
        done = _install_in(request, tenant)
        log_change(request, tenant, f"Installed the catalogue. {_told(done)}")
        messages.success(request, _told(done))
        return to(change_url(tenant))


def _install_in(request: HttpRequest, tenant: Tenant) -> list[Installed]:
    """What became of each; one that can't be published here is told by itself."""
    done = []
    with use_tenant(tenant.ref):
        for slug, one in install_each(slugs()):
            if isinstance(one, Problem):
                messages.error(request, f"{slug}: {one.detail}")
            else:
                done.append(one)
    return done


def _item(kind: str, name: str, description: str) -> str:
    return f"{name}{'' if kind == 'agent' else f' ({kind})'}: {description}"


def _told(done: list[Installed]) -> str:
    """One sentence for each outcome there was; what was left alone says why."""
    sentences = []
    for outcome in Outcome:
        of_it = [
            f"{one.slug} ({one.why})" if outcome is Outcome.LEFT_ALONE else one.slug
            for one in done
            if one.outcome is outcome
        ]
        if of_it:
            sentences.append(f"{outcome.capitalize()}: {', '.join(of_it)}.")
    return " ".join(sentences)
