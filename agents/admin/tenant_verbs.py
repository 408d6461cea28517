"""Buttons on a tenant's page: open, suspend, resume, try again, delete. Each is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django_q.models import Failure
from unfold.enums import ActionVariant

from agents.admin.pages import (
    Confirm,
    attempt,
    change_url,
    confirm_page,
    found,
    list_url,
    log_change,
    to,
)
from agents.admin.scoped import may, scoped
from tenants.accounts.scopes import Scope
from tenants.context import use_shared
from tenants.lifecycle import delete_tenant, resume_tenant, start_again, suspend_tenant
from tenants.models import Tenant
from tenants.tasks import enqueue

_JOB = "tenants.owners.set_up_with_owner"
# How many of the latest failed jobs are looked through for the one of a tenant.
_LOOKED_AT = 200


class TenantVerbs:
    """For the tenants' admin class."""

    @scoped(Scope.PLATFORM_READ, description="Open", icon="open_in_new", url_path="open")
    def open_tenant(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        tenant = found(self, request, object_id)  # type: ignore[arg-type]
        domain = tenant.domains.order_by("-is_primary").first()
        if domain is None:
            messages.warning(request, "It has no host yet: add one below.")
            return to(change_url(tenant))
        port = f":{request.get_port()}" if request.get_port() not in ("80", "443") else ""
        return to(f"{request.scheme}://{domain.domain}{port}/")

    @scoped(Scope.PLATFORM_WRITE, description="Suspend…", icon="pause_circle")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._verb(
            request,
            object_id,
            "Suspend",
            "Nobody gets in, and no run goes on, until you resume it. All data stays.",
            suspend_tenant,
            "is suspended",
            dangerous=True,
        )

    @scoped(Scope.PLATFORM_WRITE, description="Resume", icon="play_circle")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._verb(
            request,
            object_id,
            "Resume",
            "Its members can sign in again, and its waiting runs go on.",
            resume_tenant,
            "is active again",
        )

    @scoped(
        Scope.PLATFORM_WRITE,
        description="Try again",
        icon="refresh",
        url_path="try-again",
        variant=ActionVariant.PRIMARY,
    )
    def try_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._verb(
            request,
            object_id,
            "Try again to set up",
            "What was done the first time stays; the rest is done now.",
            _start_again,
            "is being set up",
        )

    @scoped(
        Scope.PLATFORM_WRITE,
        description="Delete…",
        icon="delete",
        variant=ActionVariant.DANGER,
        url_path="remove",
    )
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.delete_view(request, object_id)

    def _verb(
        self,
        request: HttpRequest,
        object_id: str,
        verb: str,
        text: str,
        work: Callable[[str], Any],
        done: str,
        *,
        dangerous: bool = False,
    ) -> HttpResponse:
        tenant = found(self, request, object_id)  # type: ignore[arg-type]
        if request.method != "POST":
            title = f"{verb} {tenant}?"
            asked = Confirm(title, text, verb, dangerous, back=change_url(tenant))
            return confirm_page(self, request, asked, tenant)  # type: ignore[arg-type]

        def do() -> str:
            work(tenant.schema_name)
            log_change(request, tenant, f"{verb}: {tenant.schema_name} {done}.")
            return f"{tenant} {done}."

        attempt(request, do)
        return to(change_url(tenant))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No ordinary delete button: deleting a tenant is the confirmed verb below."""
        return False

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete a tenant for good, once its slug has been typed."""
        if not may(request, Scope.PLATFORM_WRITE):
            raise PermissionDenied("Deleting a tenant needs the scope platform:write.")
        tenant = found(self, request, object_id)  # type: ignore[arg-type]
        slug, back = tenant.schema_name, change_url(tenant)
        if tenant.kind == Tenant.Kind.PLATFORM or tenant.state == Tenant.State.ACTIVE:
            messages.error(request, "Only a tenant that serves nobody can go: suspend it first.")
            return to(back)
        asked = Confirm(
            f"Delete {tenant} for good?",
            "Its members, agents, sessions, runs and revisions are deleted with it. "
            "There is no way back.",
            "Delete for good",
            dangerous=True,
            items=[domain.domain for domain in tenant.domains.all()],
            typed=slug,
            back=back,
        )
        if request.method != "POST":
            return confirm_page(self, request, asked, tenant)  # type: ignore[arg-type]
        if request.POST.get("typed", "").strip() != slug:
            wrong = f"Type {slug} to say that this is the tenant you mean."
            return confirm_page(self, request, asked, tenant, wrong)  # type: ignore[arg-type]
        log_change(request, tenant, f"Deleted {slug}.")
        done = attempt(request, lambda: _delete(slug))
        return to(list_url(Tenant) if done else back)


def _delete(slug: str) -> str:
    delete_tenant(slug)
    return f"{slug} is deleted."


def _start_again(slug: str) -> None:
    """The failed job once more, with the owner it was given, or plainly where that is gone."""
    with use_shared(), transaction.atomic():
        start_again(slug)
        for failure in Failure.objects.order_by("-stopped")[:_LOOKED_AT]:
            args = failure.args or ()
            if len(args) > 2 and args[1] == _JOB and args[2] and args[2][0] == slug:
                enqueue(_JOB, *args[2])
                failure.delete()
                return
        enqueue("tenants.provisioning.set_up_tenant", slug)
