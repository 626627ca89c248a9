"""What the last look before the commit may be spared, what was declared, and what is repeated elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from stonegate.database.cache import Cache
from stonegate.database.executor import replay, verify
from stonegate.database.executor.job import DONE, Execution, Job
from stonegate.database.executor.verify import deployed_catalog
from stonegate.database.introspect.catalog import Reading
from stonegate.errors import VerificationFailed
from stonegate.model.catalog.access import Access
from stonegate.model.catalog.database import Catalog
from stonegate.model.catalog.objects import Extension, OtherObject, Schema
from stonegate.model.catalog.relations import Table, Trigger
from stonegate.model.catalog.types import EnumType
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.model.plan import Action, Change, Mode, Phase, Plan, Step
from stonegate.model.report import SeedReport, StepReport
from stonegate.model.source import Seeder, SeedRow
from stonegate.model.tracking import Deployment, TrackingState
from tests.database.tracked import plan

ACCESS = Access(owner="somebody")
TABLE = Table(schema="public", name="t", access=ACCESS)
SEEDER = Seeder(
    table=QualifiedName("public", "t"),
    columns=("id",),
    rows=(SeedRow(values=("1",), line=1),),
    file="seeders/t.sql",
    line=1,
    sql="INSERT INTO t (id) VALUES (1)",
    checksum="c",
)


def enum(name: str, schema: str = "public") -> EnumType:
    return EnumType(schema=schema, name=name, labels=("a",), access=ACCESS)


LIVE, DESIRED, DECLARED = (Catalog(enums=(enum(name),)) for name in ("live", "desired", "declared"))


def job(*, declared: Catalog = DECLARED, fingerprints: tuple[str, ...] = (), **changes: Any) -> Job:
    last = Deployment(id=1, digest="d", fingerprint="f", stamp="s", catalog=declared)
    state = TrackingState(last=last, fingerprints=fingerprints)
    return Job(plan=replace(plan(), **({"desired": DESIRED} | changes)), live=LIVE, state=state)


def test_a_look_is_spared_only_where_all_of_it_was_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """In another database: what differs in a single thing may be verified otherwise."""
    monkeypatch.setattr(verify, "_VERIFIED", Cache(8))
    verify._note_verified(job(), LIVE)
    assert verify._is_verified(job(), LIVE)
    others = (
        job(declared=replace(DECLARED)),
        job(fingerprints=("f",)),
        job(desired=replace(DESIRED)),
        job(kept=(ObjectKind.TYPE,)),
        job(builder="another"),
        job(excepted=("x",)),
        job(awaited=("x",)),
    )
    assert [verify._is_verified(each, LIVE) for each in others] == [False] * len(others)
    assert not verify._is_verified(job(), replace(LIVE))
    fresh = job(desired=None)
    verify._note_verified(fresh, LIVE)
    assert not verify._is_verified(fresh, LIVE)


def test_what_a_fresh_build_found_was_never_declared() -> None:
    """Else the next deployment would take it for something that the folder had, and lost."""
    made, changed, app = enum("made"), enum("changed"), Schema(name="app", access=ACCESS)
    found = (enum("theirs"), replace(changed, labels=("a",)))
    public = Schema(name="public", access=ACCESS)
    theirs = Schema(name="theirs", access=ACCESS)
    extension = Extension(name="citext", version="1", schema="public")
    before = Catalog(schemas=(public, theirs, app), extensions=(extension,), enums=found)
    after = replace(before, enums=(*found, made, enum("made", "app")))

    def create(key: ObjectKey) -> Step:
        return Step(id=key.name, action=Action.CREATE, phase=Phase.TYPES, key=key)

    attribute = changed.key.part(ObjectKind.ATTRIBUTE, "a")  # a step of its own for a part of it
    steps = tuple(map(create, (made.key, attribute, app.key)))
    fresh = replace(plan(steps=steps), mode=Mode.FRESH)
    declared = deployed_catalog(fresh, before, after)
    assert declared.schemas == (public, app) and declared.extensions == (extension,)
    assert declared.enums == (changed, made, enum("made", "app"))
    assert deployed_catalog(replace(fresh, desired=DESIRED), before, after) is DESIRED
    assert deployed_catalog(fresh, Catalog(), after) is after


@pytest.mark.parametrize("is_met", [True, False])
async def test_only_what_was_met_at_last_counts_as_unchanged(monkeypatch: pytest.MonkeyPatch, is_met: bool) -> None:
    """Behind the commit nothing is awaited any more; a stamp for what is otherwise would hide it for good."""
    stamps: list[object] = []
    change = Change(action=Action.DROP, key=LIVE.enums[0].key)

    async def read(_: object) -> Reading:
        return Reading(stamp="moved", catalog=LIVE)

    async def record(*given: object) -> None:
        stamps.append(given[-1])

    def look(of: Plan, live: Catalog, _: object) -> tuple[Change, ...]:
        assert live is LIVE
        return () if of.awaited or is_met else (change,)

    for name, put in (("read_stamped", read), ("record_settled", record), ("unmet_changes", look)):
        monkeypatch.setattr(verify, name, put)
    conn: Any = None
    waiting = job(awaited=("x",))
    if is_met:
        await verify.verify_late(conn, waiting, Execution(deployment=1))
    else:
        with pytest.raises(VerificationFailed):
            await verify.verify_late(conn, waiting, Execution(deployment=1))
    assert stamps == ["moved" if is_met else ""]
    await verify.verify_late(conn, waiting, Execution())  # of what is not tracked, nothing is recorded
    unasked = replace(waiting, options=replace(waiting.options, skip_verification=True))
    await verify.verify_late(conn, unasked, Execution(deployment=1))
    assert stamps == ["moved" if is_met else "", "moved"]


@pytest.mark.parametrize(
    ("changes", "is_looked_up"),
    [
        ({}, False),
        ({"report": SeedReport(table="t", expected=2, found=0, inserted=1)}, True),
        ({"rows": ()}, True),
        ({"catalog": {"others": (OtherObject(kind="rule", identity="r on t", definition=""),)}}, True),
        ({"catalog": {"tables": ()}}, True),
        ({"table": {"kind": "partitioned table"}}, True),
        ({"table": {"triggers": (Trigger(name="g", definition="", routine=QualifiedName("public", "f")),)}}, True),
        ({"action": Action.VALIDATE, "table": {"kind": "partitioned table"}}, True),
        (
            {
                "action": Action.VALIDATE,
                "table": {"kind": "partitioned table"},
                "report": SeedReport(table="t", expected=1, found=1, inserted=0),
            },
            False,
        ),
        ({"report": SeedReport(table="t", expected=2, found=1, inserted=0)}, True),
    ],
)
async def test_rows_are_looked_up_again_where_something_may_have_changed_them(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], is_looked_up: bool
) -> None:
    looked_up: list[tuple[Seeder, ...]] = []

    async def find(_: object, seeders: tuple[Seeder, ...], **_more: object) -> tuple[()]:
        looked_up.append(seeders)
        return ()

    monkeypatch.setattr(verify, "find_missing", find)
    seeder = SEEDER if "rows" not in changes else replace(SEEDER, rows=changes["rows"])
    table = replace(TABLE, **changes.get("table", {}))
    action = changes.get("action", Action.SEED)
    step = Step(id="s", action=action, phase=Phase.SEEDERS, key=TABLE.key, seeders=(seeder,))
    execution = Execution(
        steps=[StepReport(step=step, state=DONE)],
        seeds=[changes.get("report", SeedReport(table="t", expected=1, found=0, inserted=1))],
        catalog=replace(Catalog(tables=(table,)), **changes.get("catalog", {})),
    )
    conn: Any = None
    await verify.verify_seeds(conn, job(), execution)
    assert looked_up == ([(seeder,)] if is_looked_up else [])


@pytest.mark.parametrize(
    ("changes", "execution", "is_one"),
    [
        ({}, {}, True),
        ({"is_presumed": False}, {}, False),
        ({"has_tracking": False}, {}, False),
        ({"phase": Phase.PRELUDE}, {}, False),
        ({"phase": Phase.POST_COMMIT}, {}, False),
        ({"search_path": ("public", "extensions")}, {}, False),
        ({}, {"warnings": ["w"]}, False),
        ({}, {"missing_seeds": {"t 1"}}, False),
        ({"excused": {"t 1"}}, {}, False),
        ({}, {"seeds": [SeedReport(table="t", expected=1, found=0, inserted=1)]}, False),
        ({}, {"digest": ""}, False),
        ({}, {"catalog": None}, False),
    ],
)
async def test_only_what_took_nothing_but_routines_is_repeated_elsewhere(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], execution: dict[str, Any], is_one: bool
) -> None:
    asked: list[object] = []

    async def ask(*_: object, **_more: object) -> None:
        asked.append(None)

    monkeypatch.setattr(replay, "lookup_queries", ask)
    key = ObjectKey(ObjectKind.ROUTINE, "public", "f", "")
    step = Step(id="f", action=Action.REPLACE, phase=changes.get("phase", Phase.CHANGES), key=key)
    done = Job(
        plan=replace(plan(steps=(step,)), search_path=changes.get("search_path", ())),
        live=LIVE,
        state=TrackingState(missing_seeds=frozenset(changes.get("excused", ()))),
        stamp="s",
        is_presumed=changes.get("is_presumed", True),
        has_tracking=changes.get("has_tracking", True),
    )
    conn: Any = None
    await replay.precedent_of(conn, done, Execution(**({"catalog": LIVE, "digest": "d"} | execution)))
    assert bool(asked) == is_one
