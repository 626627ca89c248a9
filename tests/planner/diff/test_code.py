"""Views, routines, triggers, policies, privileges: replaced where PostgreSQL allows it, recreated where it does not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from stonegate.model.catalog import (
    Access,
    Catalog,
    Column,
    DefaultPrivileges,
    Dependency,
    Parameter,
    Privilege,
    Routine,
    Table,
    View,
)
from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, ChangeClass
from stonegate.planner.diff import Diff
from tests.planner.catalogs import ACCESS, BUILDER, diff, full, identities, index, routine, users, with_table

# --- routines -------------------------------------------------------------------------------------------------------


def _between(desired: Routine, live: Routine, **arguments: Any) -> Diff:
    return diff(Catalog(routines=(desired,)), Catalog(routines=(live,)), **arguments)


def _parameters(*parts: tuple[str, str, str, str | None]) -> dict[str, Any]:
    return {"parameters": tuple(Parameter(name=n, mode=m, type=t, default=d) for n, m, t, d in parts)}


A = ("a", "in", "integer", None)


@pytest.mark.parametrize(
    ("desired", "live", "action"),
    [
        ({"body": "SELECT 2"}, {}, Action.REPLACE),
        ({"head": "… IMMUTABLE"}, {}, Action.REPLACE),
        ({"security_definer": True}, {}, Action.REPLACE),
        ({"returns": "bigint"}, {}, Action.RECREATE),
        ({"returns": "SETOF integer", "returns_set": True}, {}, Action.RECREATE),
        (_parameters(("x", "in", "integer", None)), {}, Action.RECREATE),
        (_parameters(("", "in", "integer", None)), {}, Action.RECREATE),
        ({}, _parameters(("", "in", "integer", None)), Action.REPLACE),
        (_parameters(("a", "in", "integer", "1")), {}, Action.REPLACE),
        ({}, _parameters(("a", "in", "integer", "1")), Action.RECREATE),
        (
            _parameters(A, ("x", "out", "text", None), ("y", "out", "text", None)),
            _parameters(A, ("x", "out", "text", None), ("z", "out", "text", None)),
            Action.RECREATE,
        ),
        ({"kind": "procedure", "returns": ""}, {}, Action.RECREATE),
        ({"kind": "aggregate", "head": "new"}, {"kind": "aggregate", "head": "old"}, Action.RECREATE),
        (_parameters(("a", "variadic", "integer", None)), {}, Action.RECREATE),
    ],
)
def test_create_or_replace_is_used_exactly_where_postgresql_allows_it(
    desired: dict[str, Any], live: dict[str, Any], action: Action
) -> None:
    [change] = _between(routine(**desired), routine(**live)).changes
    assert (change.action, change.change_class) == (action, ChangeClass.SAFE)
    assert change.reason


def test_a_body_that_differs_in_spacing_alone_is_no_difference() -> None:
    assert _between(routine(body="SELECT  1"), routine(body="SELECT 1")) == Diff()


def test_other_input_types_are_another_routine_that_takes_the_place() -> None:
    wide = routine(**_parameters(("a", "in", "bigint", None)))
    found = {change.identity: change for change in _between(wide, routine()).changes}
    assert set(found) == {"create routine f(bigint)", "drop routine f(integer)"}
    assert "f(integer)" in found["create routine f(bigint)"].reason
    dropped = found["drop routine f(integer)"]
    assert dropped.change_class is ChangeClass.SAFE
    assert "changes its type from integer to bigint" in dropped.hazards[0].message


def test_callers_are_warned() -> None:
    [change] = _between(routine(**_parameters(("x", "in", "integer", None))), routine()).changes
    [hazard] = change.hazards
    assert hazard.code == "breaks-callers" and "a is renamed to x" in hazard.message
    [dropped] = diff(Catalog(), Catalog(routines=(routine(),))).changes
    assert [hazard.code for hazard in dropped.hazards] == ["breaks-callers"]
    [quiet] = _between(routine(body="SELECT 2"), routine()).changes
    assert quiet.hazards == ()


def test_a_routine_that_stored_values_depend_on_leaves_them_stale() -> None:
    edge = Dependency(dependent=ObjectKey(ObjectKind.INDEX, "public", "users_f_idx"), on=routine().key)
    live = Catalog(routines=(routine(),), dependencies=(edge,))
    [change] = diff(Catalog(routines=(routine(body="SELECT 2"),)), live).changes
    assert [hazard.code for hazard in change.hazards] == ["stale-stored-values"]


# --- views ----------------------------------------------------------------------------------------------------------


def _view(definition: str, *columns: str, **fields: Any) -> View:
    parsed = (column.partition(" ") for column in columns)
    listed = tuple(Column(name=name, type=kind or "integer") for name, _, kind in parsed)
    return replace(View(schema="public", name="v", definition=definition, columns=listed, access=ACCESS), **fields)


def _views(desired: View, live: View) -> Diff:
    return diff(Catalog(views=(desired,)), Catalog(views=(live,)))


@pytest.mark.parametrize(
    ("desired", "live", "action"),
    [
        (_view("x", "a", "b"), _view("y", "a"), Action.REPLACE),
        (_view("x", "a"), _view("y", "a"), Action.REPLACE),
        (_view("x", "a"), _view("y", "a", "b"), Action.RECREATE),
        (_view("x", "b", "a"), _view("y", "a", "b"), Action.RECREATE),
        (_view("x", "a bigint"), _view("y", "a"), Action.RECREATE),
        (_view("x", "a bigint"), _view("x", "a"), Action.RECREATE),
        (_view("x", "a", materialized=True), _view("y", "a", materialized=True), Action.RECREATE),
    ],
)
def test_a_view_is_replaced_while_its_columns_stay(desired: View, live: View, action: Action) -> None:
    [change] = _views(desired, live).changes
    assert (change.action, change.change_class) == (action, ChangeClass.SAFE)


def test_a_recreated_materialised_view_brings_its_indexes() -> None:
    before = _view("x", "a", materialized=True, indexes=(index("v_a_idx", "a", "public.v"),))
    after = _view("y", "a", "b", materialized=True, indexes=(index("v_b_idx", "b", "public.v"),))
    assert identities(_views(after, before)) == ["recreate materialized view v"]
    same = replace(after, definition="x", columns=before.columns)
    assert identities(_views(same, before)) == ["drop index v_a_idx", "create index v_b_idx"]


def test_a_view_that_becomes_materialised_is_dropped_and_created() -> None:
    found = _views(_view("x", "a", materialized=True), _view("x", "a"))
    assert identities(found) == ["create materialized view v", "drop view v"]


def test_options_of_a_view() -> None:
    found = _views(_view("x", "a", options=("security_invoker=true",)), _view("x", "a"))
    assert identities(found) == ["alter view v options"]


def test_columns_of_a_view_have_comments_defaults_and_privileges() -> None:
    [column] = _view("x", "a").columns
    rich = replace(column, comment="c", default="1", granted=(Privilege(grantee="web", privilege="SELECT"),))
    found = _views(_view("x", columns=(rich,)), _view("x", "a"))
    assert identities(found) == [
        "alter column v.a comment",
        "alter column v.a default",
        "alter column v.a privileges",
    ]


# --- `*` in live order ------------------------------------------------------------------------------------------------


def _table(*columns: str) -> Table:
    listed = tuple(Column(name=name, type="integer") for name in columns)
    return Table(schema="public", name="t", columns=listed, access=ACCESS)


def _list(*columns: str, alias: str = "", indent: str = "    ") -> str:
    return f",\n{indent}".join(f"{alias}{column}" for column in columns)


def _starred(table: Table, text: str, *columns: str, **fields: Any) -> Catalog:
    edges = tuple(
        Dependency(
            dependent=ObjectKey(ObjectKind.VIEW, "public", "v"), on=table.key.part(ObjectKind.COLUMN, column.name)
        )
        for column in table.columns
    )
    return replace(
        Catalog(server=180000, tables=(table,), views=(_view(text, *columns),), dependencies=edges), **fields
    )


DECLARED = _starred(_table("a", "b", "c"), f" SELECT {_list('a', 'b', 'c')}\n   FROM public.t", "a", "b", "c")
MOVED = _starred(_table("a", "c", "b"), f" SELECT {_list('a', 'c', 'b')}\n   FROM public.t", "a", "c", "b")


@pytest.mark.parametrize("declared", [None, DECLARED], ids=["adoption", "deployed"])
def test_a_star_follows_the_order_of_the_live_table(declared: Catalog | None) -> None:
    found = diff(DECLARED, MOVED, declared=declared)
    assert found.changes == ()
    told = found.notes if declared is None else found.standing  # which the last deployment said
    assert told == ("table t: columns stand in the order a, c, b instead of a, b, c",)


def test_a_star_covers_the_columns_that_nobody_declared() -> None:
    live = _starred(_table("a", "c", "b", "x"), f" SELECT {_list('a', 'c', 'b', 'x')}\n   FROM public.t", *"acbx")
    assert diff(DECLARED, live, declared=DECLARED).changes == ()


def test_a_list_that_was_written_out_in_another_order_is_a_difference() -> None:
    by_hand = _starred(_table("a", "b", "c"), f" SELECT {_list('a', 'c', 'b')}\n   FROM public.t", "a", "c", "b")
    assert identities(diff(DECLARED, MOVED, declared=by_hand)) == ["recreate view v"]
    assert identities(diff(DECLARED, MOVED, declared=DECLARED, starred=frozenset())) == ["recreate view v"]


def test_a_star_with_another_condition_is_a_difference() -> None:
    other = _starred(
        _table("a", "c", "b"), f" SELECT {_list('a', 'c', 'b')}\n   FROM public.t\n  WHERE (a > 1)", "a", "c", "b"
    )
    assert identities(diff(DECLARED, other, declared=DECLARED)) == ["recreate view v"]


def test_a_star_behind_an_alias_between_other_items() -> None:
    def text(*columns: str) -> str:
        return f" SELECT 1 AS one,\n    {_list(*columns, alias='x.')},\n    2 AS two\n   FROM public.t x"

    desired = _starred(_table("a", "b", "c"), text("a", "b", "c"), "one", "a", "b", "c", "two")
    live = _starred(_table("a", "c", "b"), text("a", "c", "b"), "one", "a", "c", "b", "two")
    assert diff(desired, live, declared=desired).changes == ()


def test_a_star_that_gets_a_new_column_is_a_difference() -> None:
    wider = _starred(_table("a", "b", "c", "d"), f" SELECT {_list(*'abcd')}\n   FROM public.t", *"abcd")
    assert identities(diff(wider, MOVED, declared=DECLARED)) == ["create column t.d", "recreate view v"]


def test_the_arguments_of_a_function_are_no_star() -> None:
    desired = _starred(_table("a", "b", "c"), " SELECT f(a, b, c) AS f\n   FROM public.t", "f")
    live = _starred(_table("a", "c", "b"), " SELECT f(a, c, b) AS f\n   FROM public.t", "f")
    assert identities(diff(desired, live, declared=desired)) == ["replace view v"]


def test_a_star_in_an_atomic_body() -> None:
    def catalog(table: Table, *columns: str) -> Catalog:
        query = f" SELECT {_list(*columns, indent='     ')}\n    FROM t;"
        head = f"CREATE OR REPLACE FUNCTION public.f()\nBEGIN ATOMIC\n{query}\nEND"
        function = routine("f", "", parameters=(), head=head, returns="SETOF t")
        edge = Dependency(dependent=function.key, on=table.key)
        return Catalog(server=180000, tables=(table,), routines=(function,), dependencies=(edge,))

    desired, live = catalog(_table("a", "b", "c"), "a", "b", "c"), catalog(_table("a", "c", "b"), "a", "c", "b")
    assert diff(desired, live, declared=desired).changes == ()


# --- triggers and policies --------------------------------------------------------------------------------------------


def test_triggers_are_recreated_and_switched() -> None:
    [trigger] = users().triggers
    changed = users(triggers=(replace(trigger, definition="CREATE TRIGGER touch AFTER …", enabled="D", comment="c"),))
    assert identities(diff(with_table(changed), with_table(users()))) == [
        "alter trigger users.touch comment",
        "alter trigger users.touch enabled",
        "recreate trigger users.touch",
    ]


@pytest.mark.parametrize(
    "fields",
    [{"permissive": False}, {"command": "SELECT"}, {"roles": ("web",)}, {"using": "(age > 2)"}, {"check": "true"}],
)
def test_a_policy_is_recreated_for_any_part_of_it(fields: dict[str, Any]) -> None:
    [policy] = users().policies
    [change] = diff(with_table(users(policies=(replace(policy, **fields),))), with_table(users())).changes
    assert (change.action, change.change_class) == (Action.RECREATE, ChangeClass.SAFE)
    [gone] = diff(with_table(users(policies=())), with_table(users())).changes
    assert gone.token is ConsentToken.DROP_POLICY


# --- owner, comment, privileges -------------------------------------------------------------------------------------


def _owned(access: Access) -> Catalog:
    return with_table(users(access=access))


def test_an_owner_counts_only_where_the_folder_names_one() -> None:
    assert diff(_owned(ACCESS), _owned(Access(owner="somebody"))).changes == ()
    [change] = diff(_owned(Access(owner="boss")), _owned(ACCESS)).changes
    assert (change.aspect, change.before, change.after) == ("owner", BUILDER, "boss")
    kept = diff(_owned(ACCESS), _owned(Access(owner="boss")))
    assert kept.changes == () and "boss" in kept.notes[0]


READ = Privilege(grantee="web", privilege="SELECT")
PUBLIC = Privilege(grantee="", privilege="EXECUTE")


@pytest.mark.parametrize(
    ("desired", "live", "after"),
    [
        ({"granted": (READ,)}, {}, "grant SELECT for web"),
        ({"granted": (READ,)}, {"granted": (replace(READ, grantable=True),)}, None),
        (
            {"granted": (replace(READ, grantable=True),)},
            {"granted": (READ,)},
            "grant SELECT for web with grant option",
        ),
        ({"revoked": (PUBLIC,)}, {}, "revoke EXECUTE for PUBLIC"),
        ({"revoked": (PUBLIC,)}, {"revoked": (PUBLIC,)}, None),
        ({}, {"granted": (READ,)}, None),
        ({}, {"revoked": (PUBLIC,)}, None),
        ({"granted": (Privilege(grantee="somebody", privilege="SELECT"),)}, {"owner": "somebody"}, None),
    ],
)
def test_privileges_are_ensured_and_never_removed(
    desired: dict[str, Any], live: dict[str, Any], after: str | None
) -> None:
    found = diff(_owned(replace(ACCESS, **desired)), _owned(replace(ACCESS, **live)), declared=None)
    assert [change.after for change in found.changes] == ([] if after is None else [after])


def test_rights_that_are_no_longer_declared_are_noted() -> None:
    access = replace(ACCESS, granted=(READ,), revoked=(PUBLIC,))
    found = diff(_owned(ACCESS), _owned(access))
    assert found.changes == () and len(found.notes) == 2


def test_the_builder_stands_for_the_owner_of_the_live_object() -> None:
    own = Privilege(grantee=BUILDER, privilege="DELETE")
    gone = replace(own, grantee="tenant")
    desired = _owned(replace(ACCESS, revoked=(own,)))
    live = _owned(Access(owner="tenant", revoked=(gone,)))
    assert diff(desired, live, declared=None).changes == ()


def test_default_privileges_are_ensured() -> None:
    entry = DefaultPrivileges(role=BUILDER, schema="", objects="tables", granted=(READ,))
    desired = Catalog(default_privileges=(entry,))
    assert diff(desired, desired, declared=None) == Diff()
    [change] = diff(desired, Catalog(), declared=None).changes
    assert (change.key, change.aspect, change.after) == (entry.key, "privileges", "grant SELECT for web")


def test_default_privileges_that_are_no_longer_declared_are_noted() -> None:
    entry = DefaultPrivileges(role=BUILDER, schema="", objects="functions", granted=(READ,), revoked=(PUBLIC,))
    live = Catalog(default_privileges=(entry,))
    nothing = Catalog(default_privileges=(replace(entry, granted=(), revoked=()),))
    for desired in (Catalog(), nothing):
        found = diff(desired, live, declared=live)
        assert found.changes == () and len(found.notes) == 2


def test_a_comment_of_somebody_else_survives_adoption() -> None:
    live = _owned(replace(ACCESS, comment="by hand"))
    adopted = diff(_owned(ACCESS), live, declared=None)
    assert adopted.changes == () and "comment" in adopted.notes[0]
    assert diff(_owned(ACCESS), live, declared=_owned(ACCESS)).changes == ()
    [change] = diff(_owned(ACCESS), live, declared=live).changes
    assert (change.aspect, change.before, change.after) == ("comment", "by hand", None)


def test_everything_new_is_one_change_each() -> None:
    found = diff(full(), Catalog(server=180000))
    assert all(change.action in (Action.CREATE, Action.ALTER) for change in found.changes)
    assert len({change.key for change in found.changes}) == len(found.changes)
