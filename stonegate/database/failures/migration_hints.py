"""What to write into a migration that PostgreSQL refused, where its own words do not say it."""

from __future__ import annotations

import re

import psycopg

from stonegate.model.plan import Statement, Step

_OF_ANOTHER_RELEASE = (
    "declare it, or correct the name; where a release in between had it that this database never got, deploy that first"
)
_OF_ANOTHER_FORM = (
    "correct the statement; where it was written for a form that only a release in between had, which this database "
    "never got, deploy that first"
)
_IS_THERE = (
    "this deployment made it in front (a column that a migration uses), or somebody by hand, or another release: write "
    "IF NOT EXISTS where it is the same; else DROP … or ALTER … RENAME TO … above this line"
)
_CONSTRAINT_IS_THERE = (
    "somebody made it by hand, or another release did: leave this out where it is the same; else write ALTER TABLE … "
    "DROP CONSTRAINT … or RENAME CONSTRAINT … TO … above this line"
)
_ROLE_IS_THERE = (
    "roles belong to the server, where the deployment of another database, or of the reference, may have made it: "
    "write DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '…') THEN CREATE ROLE …; END IF; END $$;"
)
_PENDING = (
    "rows that this file changed wait for the check of a deferred constraint: write SET CONSTRAINTS ALL IMMEDIATE; "
    "above this line, and SET CONSTRAINTS … DEFERRED below it where later statements need that"
)
_NO_ARBITER = (
    "a new index of the folder is made behind the migrations, and one of a no-transaction migration after the commit: "
    "write CREATE UNIQUE INDEX … above this line, or -- stonegate: no-transaction into this file too"
)
_NO_OPERATOR = (
    "an index or a check does not take the new type: write DROP INDEX … or ALTER TABLE … DROP CONSTRAINT … above this "
    "line; the declared one comes back behind the migrations. Or it is the USING"
)
_RETYPING = re.compile(r"\balter\b.*\btype\b", re.IGNORECASE | re.DOTALL)
_ADDING_CONSTRAINT = re.compile(r"\badd\s+(?:constraint|primary|unique|check|foreign|exclude)\b", re.IGNORECASE)
#: 42P01, 42703, 42704, 42883 (manual, appendix A): the names that routines, too, may not find any more.
_UNKNOWN = frozenset({"42P01", "42703", "42704", "42883"})
#: A generated column that is plain, or the reverse, and a column of another type (55000, 428C9, 42804).
_MISFITS = frozenset({"55000", "428C9", "42804"})
_TAKEN = frozenset({"42P06", "42P07", "42701", "42710", "42723"})
_IN_THE_WAY = frozenset({"2BP01", "0A000"})
_ROUTINE = re.compile(r'(?:PL/pgSQL|SQL) function "?((?!inline_code_block)[^"\n]+?)"? (?:line|statement|during)')
#: Lines of PostgreSQL's DETAIL, and what takes away the first object of each.
_DROPS = tuple(
    (re.compile(pattern), drop)
    for pattern, drop in (
        (r"rule \S+ on ((?:materialized )?view) (\S+) depends on ", r"DROP \1 \2"),
        (r"(trigger|policy|rule) (\S+) on (?:table|view|materialized view) (\S+) depends on ", r"DROP \1 \2 ON \3"),
        (r"constraint (\S+) on table (\S+) depends on ", r"ALTER TABLE \2 DROP CONSTRAINT \1"),
        (r"default value for column (\S+) of table (\S+) depends on ", r"ALTER TABLE \2 ALTER COLUMN \1 DROP DEFAULT"),
        (r"((?:materialized )?view|function|procedure|index|type) (\S.*?) depends on ", r"DROP \1 \2"),
    )
)
_MOST = 5


def hint_for_migration(error: psycopg.Error, step: Step, statement: Statement | None) -> str | None:
    """What to type, or None where nothing better is known than what PostgreSQL says.

    Args:
        step, statement: the migration, and what of it was executed.
    """
    diag, state = error.diag, error.sqlstate
    routine = _ROUTINE.search(diag.context or "")
    if state in _UNKNOWN and routine is not None:
        return (
            f"{routine[1]} ran as it was before: routines are replaced behind the migrations; write its new form above "
            "this line, CREATE OR REPLACE …, or correct it"
        )
    is_operator = (diag.message_primary or "").startswith("operator")
    if state == "42883" and is_operator and statement is not None and _RETYPING.search(statement.sql):
        return _NO_OPERATOR
    if state in _IN_THE_WAY:
        drops = _drops(diag.message_detail or "")
        if not drops:
            return None
        back = "the declared one comes back behind the migrations" if step.transactional else "make it again below"
        return f"write {drops} above this line; {back}"
    is_role = (diag.message_primary or "").startswith("role ")
    if state in _TAKEN and is_role:
        return _ROLE_IS_THERE
    if state in _TAKEN:
        adds = statement is not None and _ADDING_CONSTRAINT.search(statement.sql) is not None
        return _CONSTRAINT_IS_THERE if adds and state in ("42P07", "42710") else _IS_THERE
    if state == "55006" and "pending trigger events" in (diag.message_primary or ""):
        return _PENDING
    if state == "42P10" and "ON CONFLICT" in (diag.message_primary or ""):
        return _NO_ARBITER
    if state == "22P02" and "enum" in (diag.message_primary or ""):
        return diag.message_hint or _OF_ANOTHER_RELEASE
    if state in _MISFITS:
        return diag.message_hint or _OF_ANOTHER_FORM
    if is_role:  # whoever calls this one knows more
        return None
    return (diag.message_hint or _OF_ANOTHER_RELEASE) if state in _UNKNOWN - {"42883"} else None


def _drops(detail: str) -> str:
    """`DROP VIEW v; DROP POLICY p ON t;` for what the lines of a DETAIL name."""
    found: dict[str, None] = {}
    for line in detail.splitlines():
        for pattern, drop in _DROPS:
            if (named := pattern.match(line)) is not None:
                kind = named[1]
                found[named.expand(drop).replace(f"DROP {kind}", f"DROP {kind.upper()}") + ";"] = None
                break
    return " ".join(list(found)[:_MOST])
