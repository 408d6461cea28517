"""The audit log over the API: a list with filters, and the whole as a file."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Query, Router
from pydantic import Field

from approvals.audit.export import Format, export_response, tell_export
from approvals.audit.find import AuditQuery, entry_json, matching
from config.pages import Paging, page
from tenants.accounts.guard import requires
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["audit"])


class AuditFilter(AuditQuery, Paging):
    pass


class ExportFilter(AuditQuery):
    form: Format = Field(default="jsonl", alias="format")


@router.get("/audit", auth=requires(Scope.AUDIT_READ))
async def list_audit(request: HttpRequest, query: Query[AuditFilter]) -> dict[str, Any]:
    """What happened in the tenant, newest first. `from` is included, `to` is not."""
    return await hop(_list, query)


def _list(query: AuditFilter) -> dict[str, Any]:
    return page(matching(query), query, ("id",), entry_json)


@router.get("/audit/export", auth=requires(Scope.AUDIT_READ))
async def export_audit(request: HttpRequest, query: Query[ExportFilter]) -> HttpResponseBase:
    """What fits the filter as a file, oldest first; `format` is jsonl or csv. It is on record."""
    chosen = AuditQuery(**query.model_dump(by_alias=True, exclude={"form"}))
    await hop(matching, chosen)  # what can't be asked is refused before it is on record
    until = await hop(tell_export, chosen, query.form)
    return export_response(chosen, query.form, until)
