"""Columns, and tables as such: what changes, with which class, and what is no difference."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Column, Constraint, Dependency, DomainType, SequenceOptions, Table
from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.model.plan import Action, Change, ChangeClass
from tests.planner.catalogs import (
    ACCESS,
    OPTIONS,
    TABLE,
    between,
    diff,
    identities,
    index,
    routine,
    users,
    with_column,
    with_table,
    without_column,
)

SAFE, DATALOSS, INCOMPATIBLE = ChangeClass.SAFE, ChangeClass.DATALOSS, ChangeClass.INCOMPATIBLE
AGE = TABLE.part(ObjectKind.COLUMN, "age")


def _column_changes(before: Column, after: Column, **arguments: Any) -> tuple[Change, ...]:
    return between(with_column(after), with_column(before), **arguments).changes


# --- new columns ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "token"),
    [
        (Column(name="n", type="text"), None),
        (Column(name="n", type="text", default="'x'::text"), None),
        (Column(name="n", type="text", not_null=True, default="'x'::text"), None),
        (Column(name="n", type="text", not_null=True), ConsentToken.ADD_NOT_NULL_COLUMN),
        (Column(name="n", type="text", not_null=True, default="NULL::text"), ConsentToken.ADD_NOT_NULL_COLUMN),
        (Column(name="n", type="integer", not_null=True, identity="always", identity_options=OPTIONS), None),
        (Column(name="n", type="integer", not_null=True, generated="(age * 2)", generated_kind="stored"), None),
        (Column(name="n", type="public.required"), ConsentToken.ADD_NOT_NULL_COLUMN),
        (Column(name="n", type="public.filled", not_null=True), None),
    ],
)
def test_a_new_column_needs_a_value_for_the_rows_that_exist(column: Column, token: ConsentToken | None) -> None:
    domains = (
        DomainType(schema="public", name="required", base="text", not_null=True, access=ACCESS),
        DomainType(schema="public", name="filled", base="text", default="'x'::text", access=ACCESS),
    )
    desired = replace(with_table(with_column(column)), domains=domains)
    [change] = diff(desired, replace(with_table(users()), domains=domains)).changes
    assert (change.action, change.token) == (Action.CREATE, token)
    assert (change.hint is not None) == (token is not None)


@pytest.mark.parametrize(
    ("default", "rewrites"),
    [("0", False), ("now()", False), ("gen_random_uuid()", True), ("public.steady()", False), ("public.moody()", True)],
)
def test_a_volatile_default_rewrites_the_table(default: str, rewrites: bool) -> None:
    steady = routine(
        "steady", parameters=(), head="CREATE FUNCTION public.steady() RETURNS integer LANGUAGE sql STABLE"
    )
    desired = with_table(with_column(Column(name="n", type="text", default=default)))
    desired, live = (replace(catalog, routines=(steady,)) for catalog in (desired, with_table(users())))
    [change] = diff(desired, live).changes
    assert ("rewrites-table" in [hazard.code for hazard in change.hazards]) == rewrites


# --- changed columns ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "change_class", "token", "hazards"),
    [
        ("bigint", SAFE, None, ["rewrites-table"]),
        ("smallint", DATALOSS, ConsentToken.MODIFY_COLUMN_TYPE, ["narrows-type", "rewrites-table"]),
        ("text", INCOMPATIBLE, ConsentToken.MODIFY_COLUMN_TYPE, ["narrows-type", "rewrites-table"]),
    ],
)
def test_another_type(after: str, change_class: ChangeClass, token: ConsentToken | None, hazards: list[str]) -> None:
    [change] = _column_changes(Column(name="age", type="integer"), Column(name="age", type=after))
    assert (change.aspect, change.before, change.after) == ("type", "integer", after)
    assert (change.change_class, change.token) == (change_class, token)
    assert [hazard.code for hazard in change.hazards] == hazards


def test_a_longer_varchar_does_not_rewrite() -> None:
    [change] = _column_changes(
        Column(name="age", type="character varying(10)"), Column(name="age", type="character varying(20)")
    )
    assert change.hazards == ()


def test_not_null_needs_consent_and_says_how_to_fill() -> None:
    [change] = _column_changes(Column(name="age", type="integer"), Column(name="age", type="integer", not_null=True))
    assert (change.token, change.after) == (ConsentToken.SET_NOT_NULL, "NOT NULL")
    assert change.hint and "UPDATE users SET age = … WHERE age IS NULL" in change.hint
    assert [hazard.code for hazard in change.hazards] == ["validates-rows"]
    [change] = _column_changes(Column(name="age", type="integer", not_null=True), Column(name="age", type="integer"))
    assert (change.change_class, change.after) == (SAFE, None)


def test_not_null_that_was_never_validated_is_validated_without_consent() -> None:
    pending = Column(name="age", type="integer", not_null=True, not_null_options="NOT VALID")
    valid = Column(name="age", type="integer", not_null=True)
    [change] = _column_changes(pending, valid)
    assert change.change_class is SAFE and [hazard.code for hazard in change.hazards] == ["validates-rows"]
    assert _column_changes(valid, pending, declared=None) == ()
    [change] = _column_changes(valid, pending)
    assert change.after == "NOT NULL NOT VALID"


def test_storage_is_set_again_after_a_new_type() -> None:
    before = Column(name="age", type="character varying(10)", storage="external", compression="lz4")
    found = _column_changes(before, replace(before, type="character varying(20)"))
    assert [change.aspect for change in found] == ["compression", "storage", "type"]


def test_an_identity_moves_with_its_type() -> None:
    before = Column(name="age", type="integer", not_null=True, identity="always", identity_options=OPTIONS)
    wide = SequenceOptions(type="bigint", start=1, increment=1, minimum=1, maximum=2**63 - 1, cache=1, cycle=False)
    after = replace(before, type="bigint", identity_options=wide)
    assert [change.aspect for change in _column_changes(before, after)] == ["type"]
    restarted = replace(after, identity_options=replace(wide, start=100))
    assert [change.aspect for change in _column_changes(before, restarted)] == ["identity", "type"]


@pytest.mark.parametrize(
    ("before", "after", "server", "identity", "token"),
    [
        (None, ("(id * 2)", "stored"), 180000, "recreate column users.age", ConsentToken.DROP_COLUMN),
        (("(id * 2)", "stored"), None, 150000, "alter column users.age generated", None),
        (("(id * 2)", "stored"), ("(id * 3)", "stored"), 150000, "recreate column users.age", None),
        (("(id * 2)", "stored"), ("(id * 3)", "stored"), 170000, "alter column users.age generated", None),
        (("(id * 2)", "stored"), ("(id * 2)", "virtual"), 180000, "recreate column users.age", None),
        (("(id * 2)", "virtual"), None, 180000, "alter column users.age generated", None),
    ],
)
def test_generation_expressions(
    before: tuple[str, str] | None,
    after: tuple[str, str] | None,
    server: int,
    identity: str,
    token: ConsentToken | None,
) -> None:
    def column(parts: tuple[str, str] | None) -> Column:
        expression, kind = parts or (None, None)
        return Column(name="age", type="integer", generated=expression, generated_kind=kind)

    desired, live = (replace(with_table(with_column(column(parts))), server=server) for parts in (after, before))
    [change] = diff(desired, live).changes
    assert (change.identity, change.token) == (identity, token)


def test_a_generated_column_over_a_retyped_one_is_recreated() -> None:
    twice = Column(name="twice", type="integer", generated="(age * 2)", generated_kind="stored")
    live = replace(
        with_table(with_column(twice)),
        dependencies=(Dependency(dependent=TABLE.part(ObjectKind.COLUMN, "twice"), on=AGE),),
    )
    desired = with_table(
        with_column(replace(twice, type="bigint"), with_column(Column(name="age", type="bigint", default="0")))
    )
    assert identities(diff(desired, live)) == ["alter column users.age type", "recreate column users.twice"]


# --- tables as such -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "aspect", "hazards"),
    [
        ({"unlogged": True}, "unlogged", ["rewrites-table"]),
        ({"options": ("fillfactor=70",)}, "options", []),
        ({"inherits": (QualifiedName("public", "base"),)}, "inherits", ["validates-rows"]),
        ({"replica_identity": "f"}, "replica_identity", []),
        ({"access_method": "columnar"}, "access_method", ["rewrites-table"]),
        ({"tablespace": "fast"}, "tablespace", ["rewrites-table"]),
        ({"force_row_security": True}, "force_row_security", []),
        ({"of_type": QualifiedName("public", "person")}, "of_type", []),
    ],
)
def test_aspects_of_a_table(fields: dict[str, Any], aspect: str, hazards: list[str]) -> None:
    [change] = between(users(**fields), users()).changes
    assert (change.key, change.aspect, change.change_class) == (TABLE, aspect, SAFE)
    assert [hazard.code for hazard in change.hazards] == hazards


def test_a_table_does_not_become_partitioned() -> None:
    partitioned = users(kind="partitioned table", partition_key="RANGE (id)")
    [change] = between(partitioned, users()).changes
    assert (change.aspect, change.change_class, change.token) == ("partition_key", INCOMPATIBLE, None)


def _family(parent_columns: tuple[Column, ...], child_columns: tuple[Column, ...]) -> Catalog:
    parent = Table(schema="public", name="parent", columns=parent_columns, access=ACCESS)
    child = Table(
        schema="public",
        name="child",
        columns=child_columns,
        inherits=(QualifiedName("public", "parent"),),
        access=ACCESS,
    )
    return Catalog(server=180000, tables=(parent, child))


def _inherited(column: Column) -> Column:
    return replace(column, inherited=True)


def test_a_parent_hands_its_changes_down() -> None:
    a, b = Column(name="a", type="integer"), Column(name="b", type="text")
    live = _family((a,), (_inherited(a),))
    wider = replace(a, type="bigint")
    desired = _family((wider, b), (_inherited(wider), _inherited(b)))
    assert identities(diff(desired, live)) == ["alter column parent.a type", "create column parent.b"]
    assert identities(diff(live, desired)) == ["alter column parent.a type", "drop column parent.b"]


def test_what_a_parent_does_not_hand_down_is_said() -> None:
    a, b = Column(name="a", type="integer"), Column(name="b", type="text")
    live = _family((a,), (_inherited(a),))
    desired = _family((a, b), (_inherited(a), replace(_inherited(b), comment="of the child")))
    found = diff(desired, live)
    assert identities(found) == ["create column child.b", "create column parent.b"]
    assert all(change.change_class is SAFE for change in found.changes)


def test_a_default_of_the_childs_own_stays_its_own() -> None:
    a = Column(name="a", type="integer", default="1")
    live = _family((a,), (replace(_inherited(a), default="5"),))
    desired = _family((a,), (replace(_inherited(a), default="6"),))
    assert identities(diff(desired, live)) == ["alter column child.a default"]


def test_partitions_get_keys_from_their_parent() -> None:
    key = Constraint(name="p_pkey", kind="primary key", definition="PRIMARY KEY (a)", columns=("a",))
    a = Column(name="a", type="integer", not_null=True)
    parent = Table(
        schema="public", name="p", kind="partitioned table", partition_key="RANGE (a)", columns=(a,), access=ACCESS
    )
    child = Table(
        schema="public",
        name="p1",
        columns=(_inherited(a),),
        partition_of=QualifiedName("public", "p"),
        partition_bound="FOR VALUES FROM (1) TO (9)",
        access=ACCESS,
    )
    live = Catalog(server=180000, tables=(parent, child))
    own = replace(key, name="p1_pkey", inherited=True)
    desired = replace(live, tables=(replace(parent, constraints=(key,)), replace(child, constraints=(own,))))
    assert identities(diff(desired, live)) == ["create constraint p.p_pkey"]
    assert identities(diff(live, desired)) == ["drop constraint p.p_pkey"]
    moved = replace(live, tables=(parent, replace(child, partition_bound="FOR VALUES FROM (1) TO (5)")))
    assert identities(diff(moved, live)) == ["alter table p1 partition"]


def test_a_dropped_table_takes_its_parts_along() -> None:
    [change] = diff(Catalog(), with_table(users())).changes
    assert (change.identity, change.token) == ("drop table users", ConsentToken.DROP_TABLE)
    [change] = diff(with_table(users()), Catalog()).changes
    assert change.identity == "create table users"


def test_bodies_that_mention_a_dropped_column_are_named() -> None:
    body = 'BEGIN UPDATE users SET "age" = 1; END'
    speaking, silent = routine("speaking", body), routine("silent", "SELECT id FROM users")
    desired = replace(with_table(without_column("age")), routines=(silent, speaking))
    live = replace(with_table(users()), routines=(silent, speaking))
    [change] = diff(desired, live).changes
    [stale] = [hazard for hazard in change.hazards if hazard.code == "stale-body"]
    assert "speaking" in stale.message and "silent" not in stale.message


def test_the_table_of_an_index_in_another_schema_is_named() -> None:
    table = Table(
        schema="sales",
        name="t",
        columns=(Column(name="a", type="text"),),
        indexes=(index("i", "a", "sales.t"),),
        access=ACCESS,
    )
    [change] = diff(with_table(table), with_table(replace(table, indexes=()))).changes
    assert (change.key, change.table) == (ObjectKey(ObjectKind.INDEX, "sales", "i"), table.key)
