"""What an apply says beforehand of the statements after its commit, and what it does not record yet."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.database.executor.job import Job
from stonegate.database.executor.post_commit import announced, pending_statements, without_late
from stonegate.database.tracking.tables import ANNOUNCED, DONE, STARTED
from stonegate.model.catalog.database import Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Phase, Statement, Step
from stonegate.model.tracking import TrackingState
from tests.database.tracked import TABLE, migration, plan, routine


def late(file: str, *texts: str, phase: Phase = Phase.POST_COMMIT) -> Step:
    return Step(
        id=f"run migration {file}",
        action=Action.RUN,
        phase=phase,
        key=ObjectKey(ObjectKind.MIGRATION, "", file),
        statements=tuple(Statement(sql=text) for text in texts),
    )


def test_how_an_earlier_apply_left_them_is_not_forgotten() -> None:
    """What was begun, and may have ended well, is looked for; what is done is not done again; other files are over."""
    step = late("m.sql", "VACUUM a", "VACUUM b", "VACUUM c")
    done, begun, left = (name for name, _ in pending_statements(step, TrackingState()))
    other = "run migration other.sql #1 0123456789ab"
    state = TrackingState(finished=(done, other), unfinished=(begun,), interrupted=(begun,))
    job = Job(plan=plan(steps=(step,)), live=Catalog(), state=state)
    assert announced(job) == {done: DONE, begun: STARTED, left: ANNOUNCED}
    assert announced(replace(job, state=TrackingState())) == dict.fromkeys((done, begun, left), ANNOUNCED)
    assert announced(replace(job, plan=plan())) == {}


def test_a_migration_is_recorded_when_it_is_done() -> None:
    """And nothing else waits for it, whatever its name is."""
    twin = routine("late.sql")
    records = (migration("early.sql"), migration("late.sql"), twin, TABLE)
    steps = (late("early.sql", "SELECT 1", phase=Phase.MIGRATIONS), late("late.sql", "VACUUM a"))
    kept = without_late(plan(*records, steps=steps))
    assert kept.records == (records[0], twin, TABLE) and kept.steps == steps
    early = plan(*records, steps=steps[:1])
    assert without_late(early) is early
    baselined = plan(*records, steps=(replace(steps[1], action=Action.BASELINE),))
    assert without_late(baselined) is baselined
