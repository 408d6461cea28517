"""The whole log, or what fits a filter, as CSV or JSON lines: page after page, whatever its size.

Oldest first, up to what there was when it began. Each entry comes with its link's number and hash,
so that a copy kept elsewhere holds heads that the chain can be asked for.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import orjson
from django.http import StreamingHttpResponse

from approvals.audit.find import AuditQuery, entry_json, matching, seals_of
from approvals.audit.models import AuditEntry
from tenants import happened
from tenants.context import current_tenant
from tenants.hop import hop

Format = Literal["csv", "jsonl"]
TYPES: dict[str, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_PAGE = 1000

_COLUMNS: tuple[tuple[str, Callable[[dict[str, Any]], Any]], ...] = (
    ("id", lambda e: e["id"]),
    ("at", lambda e: e["at"]),
    ("action", lambda e: e["action"]),
    ("result", lambda e: e["result"]),
    ("actor_id", lambda e: e["actor"]["id"]),
    ("actor", lambda e: e["actor"]["name"]),
    ("via", lambda e: e["via"]),
    ("credential", lambda e: e["credential"]),
    ("address", lambda e: e["address"]),
    ("target_type", lambda e: e["target"]["type"]),
    ("target_id", lambda e: e["target"]["id"]),
    ("target", lambda e: e["target"]["name"]),
    ("before", lambda e: e["before"]),
    ("after", lambda e: e["after"]),
    ("detail", lambda e: e["detail"]),
    ("run_id", lambda e: e["run_id"]),
    ("trace_id", lambda e: e["trace_id"]),
    ("link", lambda e: e["seal"] and e["seal"]["number"]),
    ("hash", lambda e: e["seal"] and e["seal"]["hash"]),
)


def tell_export(query: AuditQuery, form: Format) -> int:
    """Put the export itself on record, and say up to which entry it will go."""
    asked = query.model_dump(mode="json", by_alias=True, exclude_none=True)
    happened.tell(
        "audit.exported",
        target=("audit", "", "audit log"),
        detail={"format": form, "filter": asked},
    )
    last = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first()
    return int(last or 0)


def export_response(query: AuditQuery, form: Format, until: int) -> StreamingHttpResponse:
    """The answer, for the event loop to send; `until` as `tell_export` said."""
    response = StreamingHttpResponse(_pieces(query, form, until), content_type=TYPES[form])
    name = f"audit-{current_tenant().schema}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


async def _pieces(query: AuditQuery, form: Format, until: int) -> AsyncIterator[bytes]:
    if form == "csv":
        yield _line([name for name, _ in _COLUMNS])
    after = 0
    while True:
        after, data = await hop(_page, query, form, after, until)
        if data:
            yield data
        if not after:
            return


def _page(query: AuditQuery, form: Format, after: int, until: int) -> tuple[int, bytes]:
    """The next rows as they are sent, and the id that they end with; 0 after the last."""
    rows = matching(query).filter(pk__gt=after, pk__lte=until)
    entries = list(rows.order_by("pk")[:_PAGE])
    seals = seals_of(entries)
    shown = [{**entry_json(entry), "seal": seals.get(entry.pk)} for entry in entries]
    if form == "csv":
        data = b"".join(_line([column(entry) for _, column in _COLUMNS]) for entry in shown)
    else:
        data = b"".join(orjson.dumps(entry) + b"\n" for entry in shown)
    return (entries[-1].pk if len(entries) == _PAGE else 0), data


def _line(values: list[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([_cell(value) for value in values])
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    # A spreadsheet would run what looks like a formula, and members choose their names.
    return f"'{text}" if isinstance(value, str) and text[:1] in tuple("=+-@\t\r") else text
