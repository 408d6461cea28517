"""What a schema may hold and a blueprint does not copy: then a new tenant is migrated instead."""

from __future__ import annotations

from tenants.catalog import FUNCTIONS, HERE, RELATIONS, TYPES, Contents

_UNCOPIED = f"""
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
    WHEN 'p' THEN 'partitioned table' ELSE 'foreign table' END, c.relname
FROM pg_class c WHERE c.oid = ANY({RELATIONS}) AND c.relkind IN ('v', 'm', 'p', 'f')
UNION ALL
SELECT 'inheritance of table', c.relname
FROM pg_class c WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'r'
    AND EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
UNION ALL
SELECT 'replica identity, type or table space of table', c.relname
FROM pg_class c WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'r'
    AND (c.relreplident <> 'd' OR c.reloftype <> 0 OR c.reltablespace <> 0)
UNION ALL
SELECT 'clustering or table space of index', c.relname
FROM pg_class c JOIN pg_index x ON x.indexrelid = c.oid
WHERE c.oid = ANY({RELATIONS}) AND (x.indisclustered OR c.reltablespace <> 0)
UNION ALL
SELECT 'rule', r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'r'
UNION ALL
SELECT 'type', t.typname FROM pg_type t
WHERE t.oid = ANY({TYPES})
UNION ALL
SELECT 'aggregate', p.proname FROM pg_proc p WHERE p.oid = ANY({FUNCTIONS}) AND p.prokind = 'a'
UNION ALL
SELECT 'function over the schema''s tables', p.proname FROM pg_proc p
WHERE p.oid = ANY({FUNCTIONS}) AND EXISTS (
    SELECT FROM pg_depend d
    LEFT JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
    LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND {HERE} IN (c.relnamespace, t.typnamespace))
UNION ALL
SELECT 'statistics', s.stxname FROM pg_statistic_ext s WHERE s.stxnamespace = {HERE}
UNION ALL
SELECT 'operator', o.oprname FROM pg_operator o WHERE o.oprnamespace = {HERE}
UNION ALL
SELECT 'operator class', o.opcname FROM pg_opclass o WHERE o.opcnamespace = {HERE}
UNION ALL
SELECT 'collation', l.collname FROM pg_collation l WHERE l.collnamespace = {HERE}
UNION ALL
SELECT 'text search configuration', s.cfgname FROM pg_ts_config s WHERE s.cfgnamespace = {HERE}
UNION ALL
SELECT 'extension', e.extname FROM pg_extension e WHERE e.extnamespace = {HERE}
UNION ALL
SELECT 'default privileges', a.defaclobjtype::text FROM pg_default_acl a
WHERE a.defaclnamespace = {HERE}
"""


def uncopied(contents: Contents) -> list[str]:
    """Parts of the active schema that a blueprint would leave out, such as "view agents_recent"."""
    return sorted(f"{kind} {name}" for kind, name in contents.ask(_UNCOPIED))
