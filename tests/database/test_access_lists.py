"""Access control lists taken apart here say what PostgreSQL's own aclexplode says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from psycopg import sql

from stonegate.database.connect import Session, connect
from stonegate.database.introspect.access_lists import compare_lists
from stonegate.database.introspect.catalog import read_catalog
from stonegate.model.catalog import Privilege
from stonegate.model.names import ObjectKey, ObjectKind
from tests.servers import Database

STRANGE = 'we]ird "role"=, [\\'
KINDS = "rsdflLnFSTcp"  # of objects, as acldefault knows them: tables, sequences, databases, …

EXPLODE = """
    SELECT acl.items::text[], array_agg(ARRAY[
        CASE item.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(item.grantee) END, item.privilege_type])
    FROM (SELECT acldefault(%s::"char", oid) AS items FROM pg_roles WHERE rolname = %s) AS acl
    CROSS JOIN LATERAL aclexplode(acl.items) AS item
    GROUP BY acl.items
"""


@pytest.fixture
async def conn(any_database: Database) -> AsyncIterator[Session]:
    """A session whose transaction, and with it the strange role, is rolled back."""
    async with await connect(any_database.url, autocommit=False) as connection:
        await connection.execute("SET search_path = public")
        await connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(STRANGE)))
        yield connection
        await connection.rollback()


@pytest.mark.parametrize("kind", KINDS)
async def test_every_privilege_of_every_kind(conn: Session, kind: str) -> None:
    row = await (await conn.execute(EXPLODE, (kind, STRANGE))).fetchone()
    if row is None:  # columns, and what only the owner may use: nothing is granted
        return
    items, exploded = row
    granted, revoked = compare_lists(tuple(items), (), None)
    assert not revoked
    assert {(right.grantee, right.privilege) for right in granted} == {(role, right) for role, right in exploded}
    assert not any(right.grantable for right in granted)


async def test_a_role_with_a_strange_name(conn: Session) -> None:
    await conn.execute("CREATE TABLE t (id integer, note text); REVOKE DELETE ON t FROM CURRENT_USER")
    role = sql.Identifier(STRANGE)
    await conn.execute(sql.SQL("GRANT SELECT ON t TO {} WITH GRANT OPTION").format(role))
    await conn.execute(sql.SQL("GRANT UPDATE (note), REFERENCES (note) ON t TO {}").format(role))
    table = (await read_catalog(conn)).table(ObjectKey(ObjectKind.TABLE, "public", "t"))
    assert table is not None
    assert table.access.granted == (Privilege(grantee=STRANGE, privilege="SELECT", grantable=True),)
    assert table.access.revoked == (Privilege(grantee="postgres", privilege="DELETE"),)
    assert [column.granted for column in table.columns] == [
        (),
        (
            Privilege(grantee=STRANGE, privilege="REFERENCES"),
            Privilege(grantee=STRANGE, privilege="UPDATE"),
        ),
    ]


def test_the_same_right_from_two_grantors() -> None:
    granted, _ = compare_lists(("b=r/a", "b=r*/c", "=X/a", "a=X*/a"), ("a=X/a",), "a")
    assert granted == (
        Privilege(grantee="", privilege="EXECUTE"),
        Privilege(grantee="b", privilege="SELECT", grantable=True),
    )


def test_default_privileges_count_the_owner_too() -> None:
    granted, revoked = compare_lists(("a=X/a",), ("=X/a",), None)
    assert granted == (Privilege(grantee="a", privilege="EXECUTE"),)
    assert revoked == (Privilege(grantee="", privilege="EXECUTE"),)


def test_what_is_no_list_is_said() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        compare_lists(("nonsense",), (), None)
