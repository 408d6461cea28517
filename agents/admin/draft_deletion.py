"""Deleting a component in the console: its draft alone, as long as nothing was published of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from agents.admin.pages import change_url, list_url, to
from agents.models import Agent, Team
from agents.workflows.models import Workflow

Component = Agent | Team | Workflow


class DraftDeletion:
    """For the admin class of a component, before `ScopedAdmin`."""

    def has_delete_permission(self, request: HttpRequest, obj: Component | None = None) -> bool:
        allowed: bool = super().has_delete_permission(request, obj)  # type: ignore[misc]
        return allowed and (obj is None or obj.published_id is None)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        component = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if (
            component is not None
            and component.published_id
            and super().has_delete_permission(request)  # type: ignore[misc]
        ):
            messages.error(
                request,
                f"{component.name} has been published, so its runs and revisions must stay. "
                "Archive it instead: nobody can run it then.",
            )
            return to(change_url(component))
        response: HttpResponse = super().delete_view(  # type: ignore[misc]
            request, object_id, extra_context
        )
        return response

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        messages.success(request, f"The draft {obj_display} is deleted.")
        return to(list_url(self.model))  # type: ignore[attr-defined]
