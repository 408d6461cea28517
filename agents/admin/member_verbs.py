"""What is done to a member, person or program, beyond editing: suspend, sign out, delete."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from agents.admin.pages import Confirm, attempt, change_url, confirm_page, found, log_change, to
from agents.admin.scoped import scoped
from agents.models import Run
from config.errors import Problem
from tenants.accounts.members import check_delete, set_active, sign_out
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


class MemberVerbs:
    """Mixed into the admin classes of members and of service accounts."""

    def action_applies(self, request: HttpRequest, action: str, object_id: Any) -> bool:
        member = self.get_object(request, str(object_id))  # type: ignore[attr-defined]
        if member is None or member.pk == request.user.pk:
            return False
        if action in ("suspend", "unsuspend"):
            return bool(member.is_active) == (action == "suspend")
        return bool(member.is_active)

    @scoped(Scope.MEMBERS_WRITE, description="Suspend…", icon="block")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_active(request, object_id, False)

    @scoped(Scope.MEMBERS_WRITE, description="Let in again", icon="lock_open")
    def unsuspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_active(request, object_id, True)

    def _set_active(self, request: HttpRequest, object_id: str, active: bool) -> HttpResponse:
        member = found(self, request, object_id)  # type: ignore[arg-type]
        if request.method != "POST":
            verb = "Let in" if active else "Suspend"
            asked = Confirm(
                f"{verb} {member}?",
                self._said_of(member, active),
                verb,
                not active,
                back=change_url(member),
            )
            return confirm_page(self, request, asked, member)  # type: ignore[arg-type]
        attempt(request, lambda: self._do_set_active(request, member, active))
        return to(change_url(member))

    def _said_of(self, member: Member, active: bool) -> str:
        if member.kind == Member.Kind.SERVICE:
            return (
                "Its keys that are neither expired nor revoked are good again."
                if active
                else "Its keys are refused and its runs end, at once. Let in again, they are good."
            )
        return (
            "They can sign in and use their roles again."
            if active
            else "They are signed out everywhere and can't come back in, and their runs end. "
            "Their sessions and finished runs stay."
        )

    def _do_set_active(self, request: HttpRequest, member: Member, active: bool) -> str:
        set_active(request.user, member.pk, active)  # type: ignore[arg-type]
        log_change(request, member, "Let in again." if active else "Suspended.")
        again = "is let in again" if member.kind == Member.Kind.SERVICE else "may sign in again"
        return f"{member} {again}." if active else f"{member} is suspended."

    @scoped(Scope.MEMBERS_WRITE, description="Suspend the selected")
    def suspend_selected(
        self, request: HttpRequest, queryset: QuerySet[Member]
    ) -> HttpResponse | None:
        for member in queryset.filter(is_active=True):
            attempt(request, lambda member=member: self._do_set_active(request, member, False))
        return None

    @scoped(
        Scope.MEMBERS_WRITE,
        description="Sign out everywhere…",
        icon="logout",
        url_path="sign-out-everywhere",
    )
    def sign_out_everywhere(self, request: HttpRequest, object_id: str) -> HttpResponse:
        member = found(self, request, object_id)  # type: ignore[arg-type]
        back = change_url(member)
        if request.method != "POST":
            text = (
                "Their browsers, tokens, streams and sockets end at once; runs go on. "
                "They can sign in again with their password."
            )
            asked = Confirm(f"Sign {member} out everywhere?", text, "Sign out", True, back=back)
            return confirm_page(self, request, asked, member)  # type: ignore[arg-type]

        def do() -> str:
            sign_out(request.user, member.pk)  # type: ignore[arg-type]
            return f"{member} is signed out everywhere."

        attempt(request, do)
        return to(back)

    # --- deleting: only who never did anything ----------------------------------------------------

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        member = self.get_object(request, object_id)  # type: ignore[attr-defined]
        delete = super().delete_view  # type: ignore[misc]
        if member is not None and self.has_delete_permission(request, member):  # type: ignore[attr-defined]
            has_work = Run.objects.filter(member=member).exists()
            try:
                with transaction.atomic():  # the rule's locks last until the member is gone
                    check_delete(request.user, member, has_work=has_work)  # type: ignore[arg-type]
                    return delete(request, object_id, extra_context)  # type: ignore[no-any-return]
            except Problem as problem:
                messages.error(request, problem.detail)
                return to(change_url(member))
        return delete(request, object_id, extra_context)  # type: ignore[no-any-return]
