"""The task queue: what waits, what failed and can be tried again, what is done, the schedules."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from django_q.tasks import async_task
from unfold.decorators import display

from agents.admin.pages import Confirm, change_url, confirm_page, console_page, found, list_url, to
from agents.admin.platform_site import platform_site
from agents.admin.queued_job import job_of_queued, job_of_task
from agents.admin.scoped import ScopedAdmin, scoped
from agents.admin.shown import ago, as_text, badge, duration
from tenants.accounts.scopes import Scope


class ReadOnly(ScopedAdmin):
    """Rows that only the cluster writes."""

    view_scope = Scope.PLATFORM_READ
    add_scope = None
    change_scope = None
    delete_scope = None
    list_before_template = "admin/console/refreshing.html"


@admin.register(OrmQ, site=platform_site)
class QueuedAdmin(ReadOnly):
    delete_scope = Scope.PLATFORM_WRITE
    bulk_delete = True

    empty_icon = "task_alt"
    empty_title = "The queue is empty"
    empty_text = "Short jobs wait here for the cluster: titles, clean-up, setting up tenants."

    list_display = ("job", "tenant", "arguments", "state")
    list_display_links = None
    sortable_by = ()
    ordering = ("id",)

    @display(description="Job")
    def job(self, row: OrmQ) -> SafeString:
        return format_html("<code>{}</code>", job_of_queued(row).func)

    @display(description="Tenant")
    def tenant(self, row: OrmQ) -> str:
        return job_of_queued(row).tenant or "—"

    @display(description="Arguments")
    def arguments(self, row: OrmQ) -> SafeString:
        return format_html('<span class="cx-clip">{}</span>', job_of_queued(row).arguments)

    @display(description="State")
    def state(self, row: OrmQ) -> SafeString:
        # The broker moves the lock into the future when a worker takes the job.
        if row.lock and row.lock > timezone.now():
            return badge("taken", "info", pulse=True)
        return badge("waiting", "neutral")


class TaskAdmin(ReadOnly):
    """What failed and what is done have the same columns and page."""

    list_display = ("job", "tenant", "arguments", "took", "attempts", "ended")
    list_display_links = ("job",)
    search_fields = ("func", "name", "id")
    search_help_text = "Tenant, function or id"
    sortable_by = ()
    ordering = ("-stopped",)

    @display(description="Job")
    def job(self, task: Task) -> SafeString:
        return format_html("<code>{}</code>", job_of_task(task).func)

    @display(description="Tenant")
    def tenant(self, task: Task) -> str:
        return job_of_task(task).tenant or "—"

    @display(description="Arguments")
    def arguments(self, task: Task) -> SafeString:
        return format_html('<span class="cx-clip">{}</span>', job_of_task(task).arguments)

    @display(description="Took")
    def took(self, task: Task) -> str:
        return duration(task.time_taken())

    @display(description="Attempts")
    def attempts(self, task: Task) -> int:
        return int(task.attempt_count)

    @display(description="Ended")
    def ended(self, task: Task) -> SafeString | str:
        return ago(task.stopped)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        task = found(self, request, object_id)
        actions = self.get_actions_detail(request, object_id)
        context = {
            "title": task.name or task.id,
            "original": task,
            "task": task,
            "job": job_of_task(task),
            "took": duration(task.time_taken()),
            "result": as_text(task.result) if _plain(task.result) else repr(task.result),
            "actions_detail": self._get_actions_navigation(self.actions_detail, actions, object_id),
        }
        return console_page(self, request, "admin/console/task.html", context)


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


@admin.register(Success, site=platform_site)
class DoneAdmin(TaskAdmin):
    empty_icon = "task_alt"
    empty_title = "Nothing done yet"
    empty_text = "The latest jobs that the cluster has finished are kept here."


@admin.register(Failure, site=platform_site)
class FailedAdmin(TaskAdmin):
    delete_scope = Scope.PLATFORM_WRITE
    bulk_delete = True
    actions = ("retry_selected",)
    actions_detail = ("retry",)

    empty_icon = "sentiment_satisfied"
    empty_title = "No job has failed"
    empty_text = "A job that raises is kept here with its error, until somebody tries it again."

    @scoped(Scope.PLATFORM_WRITE, description="Try again", icon="refresh")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        task = found(self, request, object_id)
        if request.method != "POST":
            text = "It is queued once more, with the same arguments; this entry goes."
            asked = Confirm("Try this job again?", text, "Try again", back=change_url(task))
            return confirm_page(self, request, asked, task)
        _again(task)
        messages.success(request, "The job is queued again.")
        return to(list_url(Failure))

    @scoped(Scope.PLATFORM_WRITE, description="Try the selected jobs again")
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Failure]) -> None:
        tasks = list(queryset[: self.list_per_page])
        for task in tasks:
            _again(task)
        messages.success(request, f"{len(tasks)} job{'s' if len(tasks) != 1 else ''} queued again.")


def _again(task: Failure) -> None:
    """Queue a failed job as it was, and forget the failure, in one transaction."""
    with transaction.atomic():
        async_task(
            task.func,
            *(task.args or ()),
            task_name=task.name,
            group=task.group,
            **(task.kwargs or {}),
        )
        task.delete()


@admin.register(Schedule, site=platform_site)
class ScheduleAdmin(ReadOnly):
    empty_icon = "schedule"
    empty_title = "No schedule"
    empty_text = "The platform's recurring jobs are written when its database is migrated."

    list_display = ("name", "func_shown", "every", "next", "last_result")
    list_display_links = None
    sortable_by = ()
    ordering = ("name",)

    @display(description="Job")
    def func_shown(self, schedule: Schedule) -> SafeString:
        return format_html("<code>{}</code>", schedule.func)

    @display(description="Every")
    def every(self, schedule: Schedule) -> str:
        if schedule.schedule_type == Schedule.MINUTES:
            return f"{schedule.minutes} min"
        return str(schedule.get_schedule_type_display())

    @display(description="Next")
    def next(self, schedule: Schedule) -> SafeString | str:
        return ago(schedule.next_run)

    @display(description="Last result")
    def last_result(self, schedule: Schedule) -> SafeString | str:
        succeeded = schedule.success()
        if succeeded is None:
            return "—"
        return badge("done", "success") if succeeded else badge("failed", "danger")
