"""The three sides of a diff: what was declared is removed, what nobody declared is listed, what may be is hinted at."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Column, Dependency, Extension, OtherObject, Schema, Sequence, Table, View
from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKind, QualifiedName, schema_key
from stonegate.model.plan import Action, ChangeClass
from tests.planner.catalogs import (
    ACCESS,
    OPTIONS,
    TABLE,
    check,
    diff,
    full,
    identities,
    index,
    routine,
    users,
    with_column,
    with_table,
    without_column,
)

# --- what is removed, what is listed --------------------------------------------------------------------------------


def test_a_declared_column_that_is_gone_is_dropped_with_consent() -> None:
    found = diff(with_table(without_column("age")), with_table(users()))
    [change] = found.changes
    assert (change.identity, change.token) == ("drop column users.age", ConsentToken.DROP_COLUMN)
    assert change.change_class is ChangeClass.DATALOSS
    assert [hazard.code for hazard in change.hazards] == ["deletes-data"]


@pytest.mark.parametrize("declared", [None, with_table(without_column("age"))], ids=["adoption", "hand-made"])
def test_a_column_that_nobody_declared_is_listed_and_never_dropped(declared: Catalog | None) -> None:
    found = diff(with_table(without_column("age")), with_table(users()), declared=declared)
    assert found.changes == ()
    assert found.unmanaged == (TABLE.part(ObjectKind.COLUMN, "age"),)


def test_hand_made_members_and_objects_are_listed() -> None:
    hand_made = users(
        indexes=(*users().indexes, index("by_hand", "age")),
        constraints=(*users().constraints, check("hand_check", "(age < 200)", "age")),
        policies=(*users().policies, replace(users().policies[0], name="hand")),
        triggers=(*users().triggers, replace(users().triggers[0], name="hand")),
    )
    live = replace(
        full(),
        tables=(hand_made, full().tables[1], Table(schema="public", name="notes", access=ACCESS)),
        views=(*full().views, replace(full().views[0], name="hand_view")),
        routines=(*full().routines, routine("hand")),
    )
    found = diff(full(), live, declared=full())
    assert found.changes == ()
    assert sorted(str(key) for key in found.unmanaged) == [
        "constraint users.hand_check",
        "index by_hand",
        "policy users.hand",
        "routine hand(integer)",
        "table notes",
        "trigger users.hand",
        "view hand_view",
    ]


@pytest.mark.parametrize(
    ("gone", "token"),
    [
        ({"indexes": ()}, None),
        ({"triggers": ()}, None),
        ({"policies": ()}, ConsentToken.DROP_POLICY),
        ({"constraints": users().constraints[:1]}, ConsentToken.DROP_CONSTRAINT),
        ({"row_security": False}, ConsentToken.DROP_POLICY),
    ],
)
def test_removed_parts_of_a_table(gone: dict[str, object], token: ConsentToken | None) -> None:
    [change] = diff(with_table(replace(users(), **gone)), with_table(users())).changes  # type: ignore[arg-type]
    assert change.token is token
    assert (change.change_class is ChangeClass.DATALOSS) == (token is not None)
    if change.action is Action.DROP and token is None:
        assert change.hazards


def test_tables_and_routines_of_the_original_count_as_declared() -> None:
    live = replace(Catalog(), tables=(users(),), routines=(routine(),))
    keys = frozenset({TABLE, routine().key})
    found = diff(Catalog(), live, declared=None, deployed_names=keys)
    assert identities(found) == ["drop routine f(integer)", "drop table users"]
    assert diff(Catalog(), live, declared=None).changes == ()


def test_a_kind_that_the_folder_does_not_manage_is_never_removed() -> None:
    found = diff(Catalog(), full(), kept=frozenset(ObjectKind))
    assert found.changes == ()
    assert TABLE in found.unmanaged
    members = diff(
        with_table(users(indexes=(), triggers=(), policies=())),
        with_table(users()),
        kept=frozenset({ObjectKind.TRIGGER, ObjectKind.INDEX, ObjectKind.POLICY}),
    )
    assert members.changes == ()


def test_row_level_security_that_was_switched_on_by_hand_stays_on() -> None:
    declared = with_table(users(row_security=False))
    found = diff(declared, with_table(users()), declared=declared)
    assert found.changes == ()
    assert any("row-level security" in note for note in found.notes)


def test_everything_that_was_declared_is_removed_with_the_folder() -> None:
    found = diff(Catalog(server=180000, schemas=full().schemas[:1]), full())
    assert identities(found) == [
        "drop materialized view totals",
        "drop cast (a AS b)",
        "drop routine f(integer)",
        "drop schema sales",
        "drop sequence counter",
        "drop table other",
        "drop table users",
        "drop type email",
        "drop type mood",
        "drop type point3",
        "drop type span",
        "drop view adults",
    ]
    assert any("citext" in note for note in found.notes)


# --- names and kinds ------------------------------------------------------------------------------------------------


def test_a_drop_and_an_add_of_one_type_may_be_a_rename() -> None:
    renamed = with_column(Column(name="years", type="integer", default="0"), without_column("age"))
    found = diff(with_table(renamed), with_table(users()))
    [drop] = [change for change in found.changes if change.action is Action.DROP]
    assert drop.hint == "a rename? write: ALTER TABLE users RENAME COLUMN age TO years"
    assert "RENAME COLUMN age TO years" in " ".join(diff(with_table(renamed), with_table(users()), declared=None).notes)


def test_a_drop_and_an_add_of_another_type_is_no_rename() -> None:
    other = with_column(Column(name="years", type="text"), without_column("age"))
    found = diff(with_table(other), with_table(users()))
    assert all(change.hint is None for change in found.changes)


def test_a_table_with_the_same_columns_may_be_a_renamed_one() -> None:
    people = users(name="people", indexes=(), triggers=(), policies=(), constraints=())
    found = diff(with_table(people), with_table(users()))
    [drop] = [change for change in found.changes if change.action is Action.DROP]
    assert drop.hint == "a rename? write: ALTER TABLE users RENAME TO people"


def test_an_object_of_another_kind_that_stays_blocks_a_new_one() -> None:
    view = View(schema="public", name="users", definition=" SELECT 1 AS a", access=ACCESS)
    [change] = diff(Catalog(views=(view,)), with_table(users()), declared=Catalog()).changes
    assert (change.change_class, change.token) == (ChangeClass.INCOMPATIBLE, None)
    assert "table users" in change.reason
    replaced = diff(Catalog(views=(view,)), with_table(users()))
    assert identities(replaced) == ["drop table users", "create view users"]


def test_changes_are_sorted_and_do_not_depend_on_the_order_of_the_catalogs() -> None:
    desired, live = Catalog(server=180000), full()
    backwards = replace(live, tables=live.tables[::-1], views=live.views[::-1], sequences=live.sequences[::-1])
    assert diff(desired, live) == diff(desired, backwards)


def test_column_order_is_a_note() -> None:
    shuffled = users(columns=users().columns[::-1])
    found = diff(with_table(shuffled), with_table(users()))
    assert found.changes == ()
    assert found.notes == (
        "table users: columns stand in the order id, email, age, number, twice"
        " instead of twice, number, age, email, id",
    )


# --- schemas, extensions, others ------------------------------------------------------------------------------------


def test_a_schema_that_holds_something_of_somebody_else_is_kept() -> None:
    live = Catalog(
        schemas=(Schema(name="sales", access=ACCESS),), tables=(Table(schema="sales", name="x", access=ACCESS),)
    )
    found = diff(Catalog(), live, declared=Catalog(schemas=live.schemas))
    assert found.changes == ()
    assert any("schema sales" in note and "sales.x" in note for note in found.notes)
    [change] = diff(Catalog(), replace(live, tables=())).changes
    assert (change.key, change.token) == (schema_key("sales"), ConsentToken.DROP_SCHEMA)


def test_an_extension_is_updated_only_to_a_stated_version() -> None:
    live = Catalog(extensions=(Extension(name="citext", version="1.5", schema="public"),))
    desired = Catalog(extensions=(Extension(name="citext", version="1.6", schema="ext"),))
    assert identities(diff(desired, live)) == ["alter extension citext schema", "alter extension citext version"]
    assert identities(diff(desired, live, stated=frozenset({("citext", "version")}))) == [
        "alter extension citext version"
    ]
    unstated = diff(desired, live, stated=frozenset())
    assert unstated.changes == () and len(unstated.notes) == 2


def test_the_comment_that_an_extension_brings_is_not_asked_for() -> None:
    def catalog(comment: str, server: int = 180000) -> Catalog:
        return Catalog(
            server=server, extensions=(Extension(name="citext", version="1.6", schema="x", comment=comment),)
        )

    desired, live = catalog("case does not count"), catalog("of ours")
    assert identities(diff(desired, live, stated=frozenset())) == ["alter extension citext comment"]
    newer = diff(desired, live, declared=catalog("of ours", 170000), stated=frozenset())
    assert newer.changes == () and len(newer.notes) == 1
    adopted = diff(desired, live, declared=None, stated=frozenset())
    assert adopted.changes == () and len(adopted.notes) == 1
    stated = frozenset({("citext", "comment")})
    assert identities(diff(desired, live, declared=None, stated=stated)) == ["alter extension citext comment"]


def test_an_extension_is_never_dropped() -> None:
    live = Catalog(extensions=(Extension(name="citext", version="1.5", schema="public"),))
    assert diff(Catalog(), live).changes == ()
    assert diff(Catalog(), live).notes
    assert diff(Catalog(), live, declared=None).unmanaged == (live.extensions[0].key,)


def test_objects_that_cannot_be_written_out_are_named_as_unmodelled() -> None:
    language = OtherObject(kind="language", identity="mine", definition="trusted", drop="DROP LANGUAGE mine")
    changed = replace(language, definition="untrusted")
    for desired, live in (
        (Catalog(others=(language,)), Catalog()),
        (Catalog(others=(changed,)), Catalog(others=(language,))),
    ):
        [change] = diff(desired, live).changes
        assert (change.change_class, change.token) == (ChangeClass.INCOMPATIBLE, None)
        assert [hazard.code for hazard in change.hazards] == ["unmodelled"]
        assert change.hint and "migration" in change.hint


# --- sequences ------------------------------------------------------------------------------------------------------


def _owned(name: str, **fields: object) -> Sequence:
    sequence = Sequence(schema="public", name=name, options=OPTIONS, owned_by=("public", "users", "id"), access=ACCESS)
    return replace(sequence, **fields)  # type: ignore[arg-type]


def _serial(name: str) -> Column:
    return replace(
        users().columns[0],
        default=f"nextval('public.{name}'::regclass)",
        owned_sequence=QualifiedName("public", name),
    )


def test_owned_sequences_compare_by_their_column_never_by_name() -> None:
    desired = replace(with_table(users()), sequences=(_owned("users_id_seq"),))
    live = replace(with_table(with_column(_serial("old_id_seq"))), sequences=(_owned("old_id_seq"),))
    assert diff(desired, live) == diff(desired, desired)
    wider = replace(
        desired, sequences=(_owned("users_id_seq", options=replace(OPTIONS, type="bigint", maximum=2**63 - 1)),)
    )
    assert identities(diff(wider, live)) == ["alter sequence users_id_seq options"]


def test_a_serial_column_brings_its_sequence() -> None:
    without = with_table(without_column("id"))
    desired = replace(with_table(users()), sequences=(_owned("users_id_seq"),))
    assert identities(diff(desired, without)) == ["create column users.id"]
    assert identities(diff(desired, Catalog())) == ["create table users"]
    granted = replace(desired, sequences=(_owned("users_id_seq", access=replace(ACCESS, comment="numbers")),))
    assert "create sequence users_id_seq" in identities(diff(granted, without))


def test_a_sequence_goes_with_its_column() -> None:
    live = replace(with_table(users()), sequences=(_owned("users_id_seq"),))
    assert identities(diff(with_table(without_column("id")), live)) == ["drop column users.id"]
    assert identities(diff(Catalog(), live)) == ["drop table users"]


def test_serial_to_identity_replaces_the_sequence_without_loss() -> None:
    live = replace(with_table(users()), sequences=(_owned("users_id_seq"),))
    identity = Column(name="id", type="integer", not_null=True, identity="always", identity_options=OPTIONS)
    found = {change.identity: change for change in diff(with_table(with_column(identity)), live).changes}
    assert set(found) == {"alter column users.id identity", "drop sequence users_id_seq"}
    assert found["drop sequence users_id_seq"].change_class is ChangeClass.SAFE
    plain = Column(name="id", type="integer", not_null=True)
    lost = {change.identity: change for change in diff(with_table(with_column(plain)), live).changes}
    assert lost["drop sequence users_id_seq"].token is ConsentToken.DROP_SEQUENCE


def test_what_depends_on_a_dropped_column_is_told_as_far_as_the_folder_has_it() -> None:
    key = TABLE.part(ObjectKind.COLUMN, "age")
    views = tuple(View(schema="public", name=name, definition=" SELECT 1 AS a", access=ACCESS) for name in ("a", "b"))
    edges = tuple(Dependency(dependent=view.key, on=key) for view in views)
    live = replace(with_table(users()), views=views, dependencies=edges)
    desired = replace(with_table(without_column("age")), views=views[:1])
    [change] = [change for change in diff(desired, live).changes if change.key == key]
    [told] = [hazard.message for hazard in change.hazards if hazard.code == "recreates-dependents"]
    assert told.endswith(": view a")
