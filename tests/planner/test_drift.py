"""What counts as declared earlier, and what as changed by hand since then."""

from __future__ import annotations

from typing import Any

from stonegate.model.catalog import Catalog, Column, Parameter
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import EVERYTHING, Action, Blocked, Change, ChangeClass
from stonegate.model.tracking import BY_SCRIPT, DeployedObject, Deployment, TrackingState
from stonegate.planner.adoption import recorded_keys
from stonegate.planner.drift import Drift, find_drift
from stonegate.planner.migrations.simulate import Simulated
from stonegate.planner.unmanaged import kept_exceptions
from tests.planner.catalogs import BUILDER, TABLE, full, routine, with_column, with_table, without_column

DECLARED = full()
AGE = TABLE.part(ObjectKind.COLUMN, "age")
LACKING = with_table(without_column("age"), DECLARED)
RETYPED = with_table(with_column(Column(name="age", type="bigint", default="0")), DECLARED)
MADE = Change(action=Action.CREATE, key=AGE)
ALTERED = Change(action=Action.ALTER, key=AGE, aspect="type")


def state(*excepted: str, **fields: Any) -> TrackingState:
    given = {"stamp": "1", "catalog": DECLARED, "executed_by": BUILDER} | fields
    return TrackingState(last=Deployment(id=1, digest="", fingerprint="", **given), excepted=excepted)


def test_what_differs_from_the_last_deployment_was_done_by_hand() -> None:
    assert find_drift(DECLARED, state(), ()) == Drift()
    assert find_drift(LACKING, TrackingState(), ()) == Drift()
    assert find_drift(LACKING, state(is_comparable=False), ()) == Drift()
    lacking, retyped = find_drift(LACKING, state(), ()), find_drift(RETYPED, state(), ())
    assert list(lacking.found) == [(AGE, "")] and list(retyped.found) == [(AGE, "type")]
    assert lacking.reason(MADE) == "dropped by hand since the last deployment"
    assert lacking.reason(ALTERED) is None and retyped.reason(MADE) is None
    said = retyped.reason(ALTERED)
    assert said is not None and said.startswith(
        "changed by hand since the last deployment; undoing it: column users.age"
    )
    tolerated = retyped.found[AGE, "type"].exception
    assert find_drift(RETYPED, state(tolerated), ()).found == {}


def test_of_a_script_only_what_is_gone_counts() -> None:
    assert find_drift(RETYPED, state(stamp=BY_SCRIPT), ()).found == {}
    gone = (TABLE, next(key for key in DECLARED.objects if key.kind is ObjectKind.ROUTINE))
    emptied = DECLARED.mapped(lambda thing: None if thing.key in gone else thing)
    assert {key for key, _ in find_drift(emptied, state(), ()).found} >= set(gone)
    found = find_drift(emptied, state(stamp=BY_SCRIPT), ()).found
    assert (TABLE, "") in found and {key.kind for key, _ in found} <= {ObjectKind.TABLE, ObjectKind.COLUMN}
    drift = find_drift(LACKING, state(stamp=BY_SCRIPT), ())
    assert drift.reason(MADE) == "dropped by the script that deployed last, or since"


def test_what_a_pending_migration_may_change_is_not_called_drift() -> None:
    for uncertain, known in (("users.age", False), ("users", False), (EVERYTHING, False), ("orders", True)):
        simulated = Simulated(catalog=LACKING, uncertain=frozenset({uncertain}), created=frozenset(), moved=())
        assert (find_drift(LACKING, state(), (), simulated).reason(MADE) is not None) == known


def test_code_and_what_every_deployment_sees_to_is_written_again_without_asking() -> None:
    changed = routine(body="SELECT 2")
    live = DECLARED.mapped(lambda thing: changed if thing.key == changed.key else thing)
    drift = find_drift(live, state(), ())
    [hand] = drift.found.values()
    assert drift.redeploys(hand) and not drift.redeploys(MADE)
    assert drift.redeploys(Change(action=Action.ALTER, key=AGE, aspect="comment"))
    said = drift.reason(hand)
    assert said is not None and said.startswith("changed by hand since the last deployment: ")


def test_a_refusal_asks_for_all_that_is_needed() -> None:
    loss = ChangeClass.DATALOSS
    other = Blocked(object="users.age", change_class=loss, reason="it goes", allow="--allow drop_column:users.age")
    made = Change(action=Action.CREATE, key=AGE, change_class=loss)
    assert Drift().block(made, "dropped by hand", other) == Blocked(
        code="drift",
        object="users.age",
        change_class=loss,
        reason="column users.age was dropped by hand",
        allow="--allow-drift --allow drop_column:users.age",
        hint="put it into the folder, undo it, or let this deployment overwrite it with --allow-drift",
    )
    for otherwise in (None, Blocked(object="users.age", change_class=loss, reason="impossible")):
        assert Drift().block(made, "dropped", otherwise).allow == "--allow-drift"
    assert Drift().sentence(made, "dropped") == "column users.age was dropped"
    assert Drift().sentence(ALTERED, "changed") == "changed"


def test_what_the_original_recorded_counts_as_declared() -> None:
    def row(name: str, *params: str, identity: str | None = None) -> DeployedObject:
        return DeployedObject(name=name, param_types=params, identity=identity, original_checksum="")

    number, text = Parameter(name="a", mode="in", type="integer"), Parameter(name="b", mode="in", type="text")
    live = Catalog(
        routines=(
            *map(routine, ("one", "three", "four")),
            *(routine("two", parameters=parameters) for parameters in ((number,), (number, text), (text,))),
        )
    )
    routines = (
        row("one", "INT4"),
        row("two", "INT"),  # there are two
        row("two", "INT", "TEXT"),
        row("three", "A", "B"),
        row("four", "INT", identity="four(text)"),
        row("none"),
        row("two", "X", identity="two(text)"),
    )
    recorded = TrackingState(
        tables=(row("users"), row('"Odd"'), row("sales.orders"), row('"S".t')), types=(row("mood"),), routines=routines
    )
    keys = recorded_keys(recorded, live)
    tables = (("public", "users"), ("public", "Odd"), ("sales", "orders"), ("S", "t"))
    assert keys == {
        *(ObjectKey(ObjectKind.TABLE, schema, name) for schema, name in tables),
        ObjectKey(ObjectKind.TYPE, "public", "mood"),
        live.routines[0].key,
        *(each.key for each in live.routines if each.name == "two" and each.parameters[-1] == text),
    }


def test_what_a_folder_says_nothing_of_stays_tolerated() -> None:
    tables = (
        "alter column t.c type → text",
        "recreate index i → x",
        "constraint t.c shows a type that was left as it is",
    )
    views = ("replace view v → SELECT 1", "materialized view m shows a type that was left as it is")
    others = ("alter type mood labels → a", "alter attribute p.table type → text", "alter routine f() table → x")

    def kept(*kinds: ObjectKind) -> tuple[str, ...]:
        return tuple(kept_exceptions((*tables, *views, *others), kinds))

    assert kept() == ()
    assert kept(ObjectKind.TABLE, ObjectKind.SEQUENCE) == tables
    assert kept(ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW) == views
    assert kept(ObjectKind.TYPE) == others[:2] and kept(ObjectKind.ROUTINE) == others[2:]
