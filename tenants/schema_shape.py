"""The shape of a schema, as text that two schemas can be compared by.

Read independently of the blueprint that clones are made from, so that what one of them forgets the
other finds. Names of the schema itself and of its owner are left out: two tenants are equal.
"""

from __future__ import annotations

from tenants.catalog import FUNCTIONS, HERE, RELATIONS, TYPES, Contents
from tenants.context import TenantRef, use_tenant

Shape = dict[str, str]
"""What -> how it is: `{"column agents_run.id": "1 uuid not null", ...}`."""


def _acl(privileges: str) -> str:
    """Who may do what, as `role=privilege`, sorted."""
    role = (
        "CASE WHEN g.grantee = 0 THEN 'public' "
        "WHEN g.grantee = current_user::regrole THEN 'owner' "
        "ELSE pg_get_userbyid(g.grantee)::text END"
    )
    return (
        f"(SELECT string_agg({role} || '=' || g.privilege_type || CASE WHEN g.is_grantable "
        f"THEN '*' ELSE '' END, ' ' ORDER BY {role}, g.privilege_type) "
        f"FROM aclexplode({privileges}) g)"
    )


_MINE = "CASE WHEN {0} = current_user::regrole THEN 'owner' ELSE pg_get_userbyid({0})::text END"

# Those of the owner by default, where none are written down.
_ALL_PRIVILEGES = (
    "coalesce(c.relacl, acldefault((CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::\"char\", "
    "c.relowner))"
)

_QUERIES: dict[str, str] = {
    "schema": f"""
SELECT 'itself', concat_ws(' ', {_MINE.format("n.nspowner")}, {_acl("n.nspacl")})
FROM pg_namespace n WHERE n.oid = {HERE}""",
    # Indexes have a section of their own.
    "relation": f"""
SELECT c.relname, concat_ws(' ', 'kind ' || c.relkind::text,
    'persistence ' || c.relpersistence::text,
    array_to_string(c.reloptions, ','), 'identity ' || c.relreplident::text,
    CASE WHEN c.relrowsecurity THEN 'row security' END,
    CASE WHEN c.relforcerowsecurity THEN 'forced' END, 'of ' || {_MINE.format("c.relowner")},
    (SELECT string_agg(i.inhparent::regclass::text, ',') FROM pg_inherits i
     WHERE i.inhrelid = c.oid))
FROM pg_class c WHERE c.oid = ANY({RELATIONS}) AND c.relkind NOT IN ('i', 'I', 't')""",
    "column": f"""
SELECT c.relname || '.' || a.attname, concat_ws(' ',
    row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
    format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN 'not null' END,
    'identity ' || nullif(a.attidentity::text, ''),
    'generated ' || nullif(a.attgenerated::text, ''),
    'default ' || pg_get_expr(e.adbin, e.adrelid), a.attcollation::regcollation,
    'storage ' || a.attstorage::text, 'compression ' || nullif(a.attcompression::text, ''),
    'statistics ' || a.attstattarget::text, array_to_string(a.attoptions, ','),
    {_acl("a.attacl")})
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum
WHERE c.oid = ANY({RELATIONS}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')""",
    "constraint": f"""
SELECT coalesce(c.relname, '') || '.' || k.conname, concat_ws(' ', k.contype,
    CASE WHEN k.contype <> 't' THEN pg_get_constraintdef(k.oid, true) END, k.condeferrable,
    k.condeferred, k.convalidated)
FROM pg_constraint k LEFT JOIN pg_class c ON c.oid = k.conrelid
WHERE k.conrelid = ANY({RELATIONS}) OR k.contypid = ANY({TYPES})""",
    "index": f"""
SELECT c.relname, concat_ws(' ', pg_get_indexdef(c.oid, 0, true),
    CASE WHEN NOT x.indisvalid THEN 'invalid' END, CASE WHEN x.indisclustered THEN 'clustered' END)
FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE c.oid = ANY({RELATIONS})""",
    "sequence": f"""
SELECT c.relname, concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement,
    s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
    (SELECT string_agg(d.deptype::text || ' ' || d.refobjid::regclass || '.' || d.refobjsubid, ',')
     FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
         AND d.deptype IN ('a', 'i')))
FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid WHERE c.oid = ANY({RELATIONS})""",
    "trigger": f"""
SELECT c.relname || '.' || g.tgname, pg_get_triggerdef(g.oid, true) || ' ' || g.tgenabled::text
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
WHERE c.oid = ANY({RELATIONS}) AND NOT g.tgisinternal""",
    "function": f"""
SELECT p.oid::regprocedure::text, concat_ws(' ', p.prokind, {_MINE.format("p.proowner")},
    pg_get_function_result(p.oid), l.lanname, p.provolatile, p.prosecdef, p.proisstrict,
    p.proleakproof, p.proparallel, array_to_string(p.proconfig, ','), p.prosrc,
    pg_get_function_sqlbody(p.oid), {_acl("p.proacl")})
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid = ANY({FUNCTIONS})""",
    "policy": f"""
SELECT c.relname || '.' || p.polname, concat_ws(' ', p.polcmd, p.polpermissive,
    (SELECT string_agg(CASE WHEN r = 0 THEN 'public' ELSE {_MINE.format("r")} END, ',')
     FROM unnest(p.polroles) r),
    'using ' || pg_get_expr(p.polqual, p.polrelid),
    'check ' || pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.oid = ANY({RELATIONS})""",
    "privileges": f"""
SELECT c.relname, {_acl(_ALL_PRIVILEGES)}
FROM pg_class c WHERE c.oid = ANY({RELATIONS}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')""",
    "type": f"""
SELECT t.typname, concat_ws(' ', t.typtype,
    (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e
     WHERE e.enumtypid = t.oid))
FROM pg_type t WHERE t.oid = ANY({TYPES})""",
    "comment": f"""
SELECT pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
FROM pg_description d WHERE d.objoid = ANY({RELATIONS} || {FUNCTIONS} || {TYPES} || array(
    SELECT oid FROM pg_constraint WHERE conrelid = ANY({RELATIONS})
    UNION ALL SELECT oid FROM pg_trigger WHERE tgrelid = ANY({RELATIONS})
    UNION ALL SELECT oid FROM pg_policy WHERE polrelid = ANY({RELATIONS})))""",
}


def schema_shape(ref: TenantRef) -> Shape:
    """Everything about the structure of a schema; its rows have no part in it."""
    shape: Shape = {}
    with use_tenant(ref):
        contents = Contents()
        for section, query in _QUERIES.items():
            for what, how in contents.ask(query):
                shape[f"{section} {what}"] = _same_words(how or "")
    return shape


def _same_words(text: str) -> str:
    """One spelling of `x IN ('a', 'b')` over a varchar, of which Postgres has two.

    It prints what was parsed from SQL with a cast of the whole list, and what was parsed from that
    print with a cast of each item. They mean the same.
    """
    return text.replace("::character varying::text", "::character varying").replace(
        "::character varying]::text[]", "::character varying]"
    )


def differences(wanted: Shape, found: Shape) -> list[str]:
    """One sentence for each thing that is missing, too many or otherwise. Empty: they are equal."""
    said = []
    for what in sorted(wanted.keys() | found.keys()):
        if what not in found:
            said.append(f"{what} is missing (it should be: {wanted[what]})")
        elif what not in wanted:
            said.append(f"{what} should not be there ({found[what]})")
        elif wanted[what] != found[what]:
            said.append(f"{what} is {found[what]!r} and should be {wanted[what]!r}")
    return said
