"""What a schema is made of, read from the catalogs as the statements that make it again.

The statements name nothing of the schema by its own name: they are read with the schema first on
the search path, where Postgres leaves visible names unqualified, and run with another one there.
Names come out of `format('%I')` and Postgres' own `pg_get_*def`, so they are quoted where needed.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenants.catalog import FUNCTIONS, RELATIONS, Contents

_FUNCTIONS = f"""
SELECT regexp_replace(
    pg_get_functiondef(p.oid),
    '^CREATE OR REPLACE (FUNCTION|PROCEDURE) ' || quote_ident(current_schema()) || '\\.',
    'CREATE \\1 ')
FROM pg_proc p WHERE p.oid = ANY({FUNCTIONS}) ORDER BY p.oid
"""

_SEQUENCE_OPTIONS = """format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s',
    s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
    CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)"""

# The sequence behind an identity column is made with the column; all others by themselves.
_SEQUENCES = f"""
SELECT format('CREATE SEQUENCE %I AS %s %s', c.relname, format_type(s.seqtypid, NULL),
              {_SEQUENCE_OPTIONS})
FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid
WHERE c.oid = ANY({RELATIONS}) AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
ORDER BY c.relname
"""

_TABLES = f"""
SELECT format('CREATE %sTABLE %I (%s)%s',
    CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END,
    c.relname,
    coalesce(string_agg(
        format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
        || CASE WHEN a.attcollation <> t.typcollation
                THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END
        || CASE a.attcompression WHEN 'p' THEN ' COMPRESSION pglz'
                                 WHEN 'l' THEN ' COMPRESSION lz4' ELSE '' END
        || CASE WHEN n.conname IS NOT NULL THEN format(' CONSTRAINT %I NOT NULL', n.conname)
                WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || CASE
            WHEN a.attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) %s',
                pg_get_expr(e.adbin, e.adrelid),
                CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
            WHEN a.attidentity <> '' THEN format(
                ' GENERATED %s AS IDENTITY (SEQUENCE NAME %I {{options}})',
                CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, i.relname)
            WHEN e.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(e.adbin, e.adrelid)
            ELSE '' END,
        ', ' ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL), ''),
    CASE WHEN c.reloptions IS NULL THEN ''
         ELSE format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END)
FROM pg_class c
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum
LEFT JOIN pg_constraint n ON n.conrelid = c.oid AND n.contype = 'n' AND n.conkey[1] = a.attnum
LEFT JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
    AND d.refobjsubid = a.attnum AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'
LEFT JOIN pg_class i ON i.oid = d.objid
LEFT JOIN pg_sequence s ON s.seqrelid = i.oid
WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'r'
GROUP BY c.oid, c.relname, c.relpersistence, c.reloptions ORDER BY c.relname
""".replace("{options}", "' || " + _SEQUENCE_OPTIONS + " || '")

_OWNED_SEQUENCES = f"""
SELECT format('ALTER SEQUENCE %I OWNED BY %I.%I', c.relname, o.relname, a.attname)
FROM pg_class c
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'a'
    AND d.refclassid = 'pg_class'::regclass
JOIN pg_class o ON o.oid = d.refobjid
JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum = d.refobjsubid
WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'S' ORDER BY c.relname
"""

_COLUMN_SETTINGS = f"""
SELECT format('ALTER TABLE %I ALTER COLUMN %I %s', c.relname, a.attname, what)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
CROSS JOIN LATERAL (VALUES
    (CASE WHEN a.attstorage <> t.typstorage THEN 'SET STORAGE ' || CASE a.attstorage
        WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
        ELSE 'EXTENDED' END END),
    (CASE WHEN a.attstattarget >= 0 THEN 'SET STATISTICS ' || a.attstattarget END),
    (CASE WHEN a.attoptions IS NOT NULL
        THEN format('SET (%s)', array_to_string(a.attoptions, ', ')) END)
) s (what)
WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'r' AND what IS NOT NULL ORDER BY 1
"""

_KEYS_AND_CHECKS = f"""
SELECT format('ALTER TABLE %I %s', c.relname, string_agg(
    format('ADD CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ', '
    ORDER BY array_position('{{p,u,x,c}}'::text[], k.contype::text), k.conname))
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.oid = ANY({RELATIONS}) AND k.contype IN ('p', 'u', 'x', 'c')
GROUP BY c.relname ORDER BY c.relname
"""

_INDEXES = f"""
SELECT pg_get_indexdef(x.indexrelid, 0, true)
FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
WHERE c.oid = ANY({RELATIONS}) AND x.indisvalid AND NOT EXISTS (
    SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
ORDER BY c.relname
"""

# The seeded rows have used up some values.
_SEQUENCE_VALUES = f"""
SELECT format('SELECT setval(%L, %s)', s.oid::regclass, s.value) FROM (
    SELECT c.oid, CASE WHEN c.relkind = 'S' THEN pg_sequence_last_value(c.oid) END AS value
    FROM pg_class c WHERE c.oid = ANY({RELATIONS})) s
WHERE s.value IS NOT NULL
"""

_FOREIGN_KEYS = f"""
SELECT format('ALTER TABLE %I %s', c.relname, string_agg(
    format('ADD CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ', '
    ORDER BY k.conname))
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.oid = ANY({RELATIONS}) AND k.contype = 'f' GROUP BY c.relname ORDER BY c.relname
"""

_TRIGGERS = f"""
SELECT pg_get_triggerdef(g.oid, true) || CASE g.tgenabled WHEN 'O' THEN '' ELSE format(
    '; ALTER TABLE %I %s TRIGGER %I', c.relname, CASE g.tgenabled
        WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, g.tgname)
    END
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
WHERE c.oid = ANY({RELATIONS}) AND NOT g.tgisinternal ORDER BY c.relname, g.tgname
"""

_ROW_SECURITY = f"""
SELECT format('ALTER TABLE %I %s ROW LEVEL SECURITY', c.relname, what)
FROM pg_class c CROSS JOIN LATERAL (VALUES
    (CASE WHEN c.relrowsecurity THEN 'ENABLE' END),
    (CASE WHEN c.relforcerowsecurity THEN 'FORCE' END)) s (what)
WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'r' AND what IS NOT NULL ORDER BY 1
"""

_POLICIES = f"""
SELECT format('CREATE POLICY %I ON %I AS %s FOR %s TO %s%s%s', p.polname, c.relname,
    CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                  WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' WHEN r = c.relowner THEN 'CURRENT_USER'
                            ELSE quote_ident(pg_get_userbyid(r)) END, ', ')
     FROM unnest(p.polroles) r),
    CASE WHEN p.polqual IS NULL THEN ''
         ELSE format(' USING (%s)', pg_get_expr(p.polqual, p.polrelid)) END,
    CASE WHEN p.polwithcheck IS NULL THEN ''
         ELSE format(' WITH CHECK (%s)', pg_get_expr(p.polwithcheck, p.polrelid)) END)
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.oid = ANY({RELATIONS}) ORDER BY c.relname, p.polname
"""

_GRANTEE = """CASE WHEN g.grantee = 0 THEN 'PUBLIC'
    ELSE quote_ident(pg_get_userbyid(g.grantee)) END
    || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"""

_GRANTS = f"""
SELECT format('GRANT %s ON %I TO %s', g.privilege_type, c.relname, {_GRANTEE})
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) g
WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'r' AND g.grantee <> c.relowner
UNION ALL
SELECT format('GRANT %s ON SEQUENCE %I TO %s', g.privilege_type, c.relname, {_GRANTEE})
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) g
WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'S' AND g.grantee <> c.relowner
UNION ALL
SELECT format('GRANT %s (%I) ON %I TO %s', g.privilege_type, a.attname, c.relname, {_GRANTEE})
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
CROSS JOIN LATERAL aclexplode(a.attacl) g
WHERE c.oid = ANY({RELATIONS}) AND NOT a.attisdropped AND g.grantee <> c.relowner
"""

# A new function may be called by everybody; one that says otherwise says it first.
_FUNCTION_GRANTS = f"""
SELECT format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', p.oid::regprocedure)
FROM pg_proc p WHERE p.oid = ANY({FUNCTIONS}) AND p.proacl IS NOT NULL
UNION ALL
SELECT format('GRANT %s ON ROUTINE %s TO %s', g.privilege_type, p.oid::regprocedure, {_GRANTEE})
FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) g
WHERE p.oid = ANY({FUNCTIONS}) AND g.grantee <> p.proowner
"""

_COMMENTS = f"""
SELECT CASE WHEN d.objsubid > 0
    THEN format('COMMENT ON COLUMN %I.%I IS %L', c.relname, a.attname, d.description)
    ELSE format('COMMENT ON %s %I IS %L', CASE c.relkind WHEN 'r' THEN 'TABLE'
        WHEN 'S' THEN 'SEQUENCE' ELSE 'INDEX' END, c.relname, d.description) END
FROM pg_description d JOIN pg_class c ON d.classoid = 'pg_class'::regclass AND c.oid = d.objoid
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
WHERE c.oid = ANY({RELATIONS})
UNION ALL
SELECT format('COMMENT ON CONSTRAINT %I ON %I IS %L', k.conname, c.relname, d.description)
FROM pg_description d
JOIN pg_constraint k ON d.classoid = 'pg_constraint'::regclass AND k.oid = d.objoid
JOIN pg_class c ON c.oid = k.conrelid WHERE c.oid = ANY({RELATIONS})
UNION ALL
SELECT format('COMMENT ON TRIGGER %I ON %I IS %L', g.tgname, c.relname, d.description)
FROM pg_description d
JOIN pg_trigger g ON d.classoid = 'pg_trigger'::regclass AND g.oid = d.objoid
JOIN pg_class c ON c.oid = g.tgrelid WHERE c.oid = ANY({RELATIONS})
UNION ALL
SELECT format('COMMENT ON POLICY %I ON %I IS %L', p.polname, c.relname, d.description)
FROM pg_description d
JOIN pg_policy p ON d.classoid = 'pg_policy'::regclass AND p.oid = d.objoid
JOIN pg_class c ON c.oid = p.polrelid WHERE c.oid = ANY({RELATIONS})
UNION ALL
SELECT format('COMMENT ON ROUTINE %s IS %L', p.oid::regprocedure, d.description)
FROM pg_description d JOIN pg_proc p ON d.classoid = 'pg_proc'::regclass AND p.oid = d.objoid
WHERE p.oid = ANY({FUNCTIONS})
"""

# A table's columns that can be written, for its rows; and whether it has any is asked later.
_WRITABLE = f"""
SELECT quote_ident(c.relname), string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = ANY({RELATIONS}) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = ''
GROUP BY c.relname ORDER BY c.relname
"""


@dataclass(frozen=True)
class Blueprint:
    """Statements that make the tables, those that finish them, and tables with writable columns.

    Between the two the rows are written: before the indexes, which are then built in one go, and
    before the triggers and foreign keys, which have nothing to say about rows that stood already.
    """

    tables: list[str]
    finish: list[str]
    columns: list[tuple[str, str]]


def read_blueprint(contents: Contents) -> Blueprint:
    """The active schema's. Its parts must all be of kinds that `uncopied` does not name."""
    return Blueprint(
        tables=_statements(contents, _FUNCTIONS, _SEQUENCES, _TABLES),
        finish=_statements(
            contents,
            _OWNED_SEQUENCES,
            _COLUMN_SETTINGS,
            _KEYS_AND_CHECKS,
            _INDEXES,
            _SEQUENCE_VALUES,
            _FOREIGN_KEYS,
            _TRIGGERS,
            _POLICIES,
            _ROW_SECURITY,
            _GRANTS,
            _FUNCTION_GRANTS,
            _COMMENTS,
        ),
        columns=[(table, names) for table, names in contents.ask(_WRITABLE)],
    )


def _statements(contents: Contents, *queries: str) -> list[str]:
    return [row[0] for query in queries for row in contents.ask(query)]
