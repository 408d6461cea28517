"""What Postgres does for a statement, and whether that grows with a tenant's past."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

GROWING = {"agents_run", "agents_session", "agents_message", "agents_step"}
_COUNT = re.compile(r"SELECT (COUNT|SUM|MAX|MIN)\(")


@dataclass(frozen=True)
class Explained:
    """One statement with its plan; `rows` were read from the growing tables to answer it."""

    sql: str
    nodes: tuple[dict[str, Any], ...]
    rows: int
    milliseconds: float

    @property
    def scans(self) -> list[str]:
        """How each growing table is read: "agents_run by run_by_slug"."""
        return [
            f"{node['Relation Name']} by {_how(node)}" if "Relation Name" in node else _how(node)
            for node in self.nodes
            if node.get("Relation Name") in GROWING or node["Node Type"] == "Bitmap Index Scan"
        ]

    @property
    def reads_whole_tables(self) -> set[str]:
        return {
            node["Relation Name"]
            for node in self.nodes
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWING
        }

    @property
    def counts_everything(self) -> bool:
        """It is an aggregate of rows; one of a shown row's own, as a column, is not meant."""
        return bool(_COUNT.match(self.sql))


def explained(sql: str) -> Explained | None:
    """Run a statement in the active tenant and explain it; None if it reads no growing table."""
    if not sql.startswith("SELECT") or not any(f'"{name}"' in sql for name in GROWING):
        return None
    with connection.cursor() as cursor:
        # The statement has its values already: a per cent sign in it is no placeholder.
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS OFF, FORMAT JSON) " + sql)
        found = cursor.fetchone()[0]
    plan = (json.loads(found) if isinstance(found, str) else found)[0]
    nodes = tuple(_nodes(plan["Plan"]))
    return Explained(
        sql=sql,
        nodes=nodes,
        rows=sum(_rows(node) for node in nodes if node.get("Relation Name") in GROWING),
        milliseconds=plan["Execution Time"],
    )


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _rows(node: dict[str, Any]) -> int:
    """Rows that a scan looked at, thrown away ones included."""
    seen = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    seen += node.get("Rows Removed by Index Recheck", 0)
    return int(seen * node["Actual Loops"])


def _how(node: dict[str, Any]) -> str:
    if "Index Name" in node:
        return str(node["Index Name"]) + (" (only)" if "Only" in node["Node Type"] else "")
    return {"Seq Scan": "WHOLE TABLE", "Bitmap Heap Scan": "bitmap"}.get(
        node["Node Type"], str(node["Node Type"])
    )
