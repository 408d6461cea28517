"""What lies in the active schema, for questions to the catalogs whose cost is that of one schema.

The catalogs have no index that begins with the namespace, so `relnamespace = …` reads the entries
of every tenant. Dependencies are indexed by what they point at: who depends on a namespace lies in
it. Queries name the answers by `RELATIONS` (tables, sequences, views and such, and indexes),
`FUNCTIONS` and `TYPES` (but those of rows and arrays), and are run by `Contents.ask`.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

HERE = "current_schema()::regnamespace"
RELATIONS, FUNCTIONS, TYPES = "<relations>", "<functions>", "<types>"

_CONTENTS = f"""
SELECT d.classid::regclass::text, array_agg(d.objid) FROM pg_depend d
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = {HERE} AND d.deptype = 'n'
GROUP BY d.classid
"""
_INDEXES = "SELECT indexrelid FROM pg_index WHERE indrelid = ANY(%s::oid[])"


class Contents:
    """Of the schema that is active when it is made; asks about it while it is active."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_CONTENTS)
            found: dict[str, list[int]] = dict(cursor.fetchall())
            relations = found.get("pg_class", [])
            cursor.execute(_INDEXES, [relations])
            relations = relations + [row[0] for row in cursor.fetchall()]
        self.empty = not found
        self._names = {
            RELATIONS: _array(relations),
            FUNCTIONS: _array(found.get("pg_proc", [])),
            TYPES: _array(found.get("pg_type", [])),
        }

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query that names parts of the schema's contents."""
        for name, oids in self._names.items():
            query = query.replace(name, oids)
        with connection.cursor() as cursor:
            cursor.execute(query)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


def _array(oids: list[int]) -> str:
    # Written out, so that the planner sees how few they are.
    return f"'{{{','.join(map(str, oids))}}}'::oid[]"
