"""What the console does with agents and teams alike: publish them, try them, archive them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from agents.admin.draft_deletion import DraftDeletion
from agents.admin.pages import Confirm, change_url, confirm_page, found, log_change, to
from agents.admin.publishing import PublishingPages
from agents.admin.scoped import scoped
from agents.models import Agent, Team
from agents.web.partners import chat_url
from tenants.accounts.scopes import Scope

Component = Agent | Team


class ComponentPages(DraftDeletion, PublishingPages):
    """For the admin class of a component, before `ScopedAdmin`."""

    def action_applies(self, request: HttpRequest, action: str, object_id: Any) -> bool:
        component = self.get_object(request, str(object_id))  # type: ignore[attr-defined]
        if component is None:
            return False
        if action == "revisions":
            return component.published_id is not None
        if action == "try_it":
            return component.published_id is not None and not component.is_archived
        if action in ("archive", "unarchive"):
            return bool(component.is_archived) == (action == "unarchive")
        return not component.is_archived

    @scoped(
        Scope.AGENTS_PUBLISH,
        description="Publish…",
        icon="rocket_launch",
        variant=ActionVariant.PRIMARY,
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.publish_page(request, found(self, request, object_id))  # type: ignore[arg-type]

    @scoped(Scope.AGENTS_READ, description="Revisions", icon="history")
    def revisions(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        slug = found(self, request, object_id).slug  # type: ignore[arg-type]
        return to(reverse("admin:agents_revision_changelist") + f"?slug={slug}")

    @scoped(Scope.AGENTS_RUN, description="Try it", icon="chat", url_path="try")
    def try_it(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        row = found(self, request, object_id)  # type: ignore[arg-type]
        return to(chat_url(str(row._meta.model_name), row.slug))

    @scoped(Scope.AGENTS_PUBLISH, description="Save and publish…")
    def save_and_publish(self, request: HttpRequest, component: Component) -> None:
        request.publish_next = True  # type: ignore[attr-defined]

    def response_change(self, request: HttpRequest, obj: Component) -> HttpResponse:
        if getattr(request, "publish_next", False):
            return to(reverse(f"admin:agents_{obj._meta.model_name}_publish", args=[obj.pk]))
        response: HttpResponse = super().response_change(request, obj)  # type: ignore[misc]
        return response

    @scoped(Scope.AGENTS_WRITE, description="Archive", icon="archive")
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_archived(request, object_id, True)

    @scoped(Scope.AGENTS_WRITE, description="Bring back", icon="unarchive")
    def unarchive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_archived(request, object_id, False)

    def _set_archived(self, request: HttpRequest, object_id: str, archived: bool) -> HttpResponse:
        component: Component = found(self, request, object_id)  # type: ignore[arg-type]
        if request.method != "POST":
            text = (
                "Nobody can start a run of it while it is archived. Its sessions, runs and "
                "revisions stay, and you can bring it back."
                if archived
                else "Members whose roles allow it can run it again, as it was last published."
            )
            verb = "Archive" if archived else "Bring back"
            asked = Confirm(
                f"{verb} {component.name}?", text, verb, archived, back=change_url(component)
            )
            return confirm_page(self, request, asked, component)  # type: ignore[arg-type]
        component.is_archived = archived
        component.save(update_fields=["is_archived", "updated_at"])
        log_change(request, component, "Archived." if archived else "Brought back.")
        messages.success(request, f"{component.name} is {'archived' if archived else 'back'}.")
        return to(change_url(component))
