"""What a plan needs to know of a database, read without writing; the plan made from it."""

from __future__ import annotations

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.cache import Cache
from stonegate.database.connect import Session
from stonegate.database.deployment.desired import derived_desired, recorded_desired
from stonegate.database.deployment.first_look import FirstLook, Offered, look_while_parsing, offered_extensions
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.ownership import ownership_warning
from stonegate.database.executor.head_start import HeadStart
from stonegate.database.executor.job import changes_only_routines
from stonegate.database.introspect.catalog import read_catalog
from stonegate.database.progress import OnProgress, Progress, Stage
from stonegate.database.reference.build import build_key, obtain_reference
from stonegate.database.reference.store import ReferenceKey
from stonegate.database.server.facts import SessionFacts, is_pooled, read_is_empty, sees_all_rows
from stonegate.database.server.trust import is_trusting
from stonegate.database.tracking.state import Recorded, prove
from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind, QualifiedName
from stonegate.model.plan import Action, Mode, Plan, PlanOptions, PlanTarget
from stonegate.model.source import SourceTree
from stonegate.model.tracking import TrackingState
from stonegate.planner.build import build_plan, choose_mode, plan_fingerprint
from stonegate.planner.order.tree import Ordered
from stonegate.source.lazy import LazySource
from stonegate.source.statements.bodies import resolve_body

POOLER_WARNING = (
    "the connection goes through a pooler such as pgbouncer: in transaction mode the apply lock does not hold; "
    "give stonegate a direct connection"
)

_LOCKED_KINDS = frozenset(
    {ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.INDEX, ObjectKind.SEQUENCE}
)
_RELATIONS_OF_A_TABLE = 6  # itself, its TOAST table and that one's index, primary key, another index, a sequence


class Survey(Struct, frozen=True, kw_only=True):
    """What was read, and the plan.

    Attributes:
        stamp: the change stamp by which `live` is known without reading it; None where it was read.
        is_presumed: that stamp is yet to be proven, but for its word for routines.
        essence: of the records that the plan was made from, where that is presumed; else "".
        is_derived: no reference was built for it, so nobody has tried the bodies of its routines yet.
        has_tracking: the tracking tables are certainly as this stonegate makes them.
        untrusted: names of extensions on offer that only a superuser may create; {} where none had to be looked up.
        hidden: the tables whose policies hide rows from the session's role.
        warnings: about the session, not about the plan.
    """

    plan: Plan
    facts: SessionFacts
    live: Catalog
    state: TrackingState
    stamp: str | None = None
    is_presumed: bool = False
    essence: str = ""
    is_derived: bool = False
    has_tracking: bool = False
    untrusted: frozenset[str] = frozenset()
    hidden: frozenset[QualifiedName] = frozenset()
    warnings: tuple[str, ...] = ()


async def survey_database(
    conn: Session,
    conninfo: str,
    source: LazySource,
    options: ApplyOptions,
    *,
    database: str | None = None,
    facts: SessionFacts | None = None,
    head: HeadStart | None = None,
    presume: bool = False,
    on_progress: OnProgress | None = None,
) -> Survey:
    """Read the database and plan what it needs. Nothing is committed to the target; a reference may be built.

    Args:
        database: what the plan calls the target, if not by the name of the connected database.
        facts: of the session, if they were read.
        head: the plan will be carried out: where nobody has made anything yet, the transaction may begin already.
        presume: it will be, and verified in the end: where it is about routines alone, nothing else needs a look
            before that.

    Raises:
        SourceError: the folder is wrong.
        ExtensionNotAvailable, ReferenceUnavailable: see there.
        StonegateError: the folder does not deploy in the reference database.
    """
    _announce(on_progress, database or conn.info.dbname, Stage.INTROSPECT)
    found = await look_while_parsing(conn, source, options, facts=facts, head=head, presume=presume)
    facts, live, state = found.facts, found.live, found.recorded.state
    tree, ordered = source.tree(), source.ordered()
    name = database or facts.database
    offered = await offered_extensions(conn, tree, options, found)
    desired = recorded_desired(tree, live, state, facts.role)
    derived = derived_desired(tree, ordered, live, state, facts.role) if desired is None and presume else None
    desired = desired or derived
    if desired is None and choose_mode(state, options.plan) is not Mode.FRESH:
        _announce(on_progress, name, Stage.REFERENCE)
        desired = await _read_reference(conn, conninfo, source, options, facts)
    _announce(on_progress, name, Stage.PLAN)
    plan = _plan(tree, ordered, options.plan, name, live, state, desired, facts.role)
    recorded = found.recorded
    if plan.blocked or desired is None or not changes_only_routines(plan):
        recorded = await prove(conn, recorded)
        if not recorded.is_unmoved and found.is_known:
            again = partial(survey_database, conn, conninfo, source, options, database=database, facts=facts)
            return await again(head=head, on_progress=on_progress)
    survey = await _survey_of(conn, plan, found, recorded, offered)
    return replace(survey, is_derived=derived is not None)


async def _survey_of(conn: Session, plan: Plan, found: FirstLook, recorded: Recorded, offered: Offered) -> Survey:
    """The plan, and what it was made for."""
    facts, live, state = found.facts, found.live, recorded.state
    hidden = await hidden_tables(conn, plan, facts, live)
    return Survey(
        plan=plan,
        facts=facts,
        live=live,
        state=state,
        stamp=state.last.stamp if found.is_known and state.last is not None else None,
        is_presumed=recorded.is_presumed,
        essence=recorded.essence,
        has_tracking=recorded.is_current and is_trusting(conn),
        untrusted=frozenset(name for name, offer in offered.items() if offer.untrusted),
        hidden=hidden,
        warnings=(*session_warnings(conn, plan, facts, live, hidden), *_unknown_drift(recorded, plan)),
    )


#: Keys by folder, server, role and locale: what extensions the server offers is asked once for a folder.
_KEYS: Cache[ReferenceKey] = Cache(8)


async def _read_reference(
    conn: Session, conninfo: str, source: LazySource, options: ApplyOptions, facts: SessionFacts
) -> Catalog:
    """The desired state; built by the admin where there is one, but as the role of the target."""
    tree = source.tree()
    place = (id(tree), conn.info.host, conn.info.port, facts.role, facts.version, facts.place)
    key = _KEYS.find(place) or await build_key(conn, tree, facts, facts.role)
    _KEYS.get(place, lambda: key, tree)
    admin = None if facts.superuser else options.admin

    async def obtain() -> Catalog:
        login = conninfo if admin else None
        made = await obtain_reference(admin or conninfo, source, key, shadow=options.shadow, login=login)
        return made.catalog

    return await source.reference(key.digest, obtain)


def session_warnings(
    conn: Session, plan: Plan, facts: SessionFacts, live: Catalog, hidden: frozenset[QualifiedName]
) -> tuple[str, ...]:
    """What is to be said about the way to the server, its size, what it shows to this role, and would leave to it.

    Args:
        hidden: `hidden_tables`.
    """
    pooled = (POOLER_WARNING,) if is_pooled(conn, facts.pid) else ()
    return (
        *pooled,
        *ownership_warning(plan, facts, live),
        *_lock_warning(plan, facts),
        *_hidden_rows(plan, facts, hidden),
    )


#: What looks at rows, beside migrations.
_LOOKING = frozenset({Action.SEED, Action.VALIDATE})
_LOOKS = frozenset({"validates-rows", "narrows-type"})


async def hidden_tables(conn: Session, plan: Plan, facts: SessionFacts, live: Catalog) -> frozenset[QualifiedName]:
    """The tables whose policies hide rows from the role that deploys, be it their owner; a round trip if any might."""
    tables = (*live.tables, *(plan.desired.tables if plan.desired is not None else ()))
    forced = frozenset(table.key.qualified for table in tables if table.row_security and table.force_row_security)
    return frozenset() if not forced or await sees_all_rows(conn, facts) else forced


def _hidden_rows(plan: Plan, facts: SessionFacts, hidden: frozenset[QualifiedName]) -> tuple[str, ...]:
    """Where row-level security is forced on the owner, an UPDATE of all rows means those that the policies show."""
    forced = set(hidden)
    if all(step.action is not Action.RUN for step in plan.steps):
        looking = (s for s in plan.steps if s.action in _LOOKING or any(h.code in _LOOKS for h in s.hazards))
        forced &= {step.key.qualified for step in looking}
    if not forced:
        return ()
    names = ", ".join(sorted(map(str, forced)))
    return (
        f"row-level security is forced on {names}: of their rows this deployment sees and changes only those that the "
        f"policies show to {facts.role}; ALTER TABLE … NO FORCE ROW LEVEL SECURITY in a migration that needs them all",
    )


def _unknown_drift(recorded: Recorded, plan: Plan) -> tuple[str, ...]:
    """What is to be said where something moved, and what was deployed cannot be compared with what is there now."""
    last = recorded.state.last
    if last is None or recorded.is_unmoved or recorded.state.tells_changes:
        return ()
    if last.is_by_script:
        told = "the last deployment was a script, which no apply has verified: what was changed by hand since then"
        lost = ", or is no longer declared of columns, views and the like," if last.catalog is None else ""
        return (f"{told}{lost} is not told apart",) if plan.has_changes or plan.blocked or plan.unmanaged else ()
    who = f"stonegate {last.tool_version}" if last.tool_version else "another stonegate"
    return (
        f"changes made by hand since the last deployment are not told apart: {who} recorded it, "
        "and read databases in another way than this one",
    )


#: Plans without their target, by all that they were made from.
_PLANS: Cache[Plan] = Cache(8)
#: Contents of these plans, and fingerprints of catalogs, by identity.
_CONTENTS: Cache[str] = Cache(8)
_FINGERPRINTS: Cache[str] = Cache(12)


def _plan(
    tree: SourceTree,
    ordered: Ordered,
    options: PlanOptions,
    database: str,
    live: Catalog,
    state: TrackingState,
    desired: Catalog | None,
    builder: str,
) -> Plan:
    """The plan; databases that stand where another one stood get that one's, with their own target."""

    def build() -> Plan:
        return build_plan(
            tree=tree,
            ordered=ordered,
            options=options,
            database=database,
            live=live,
            state=state,
            desired=desired,
            builder=builder,
            body_uses=resolve_body,
        )

    declared = state.declared
    standpoint = (id(tree), id(live), id(desired), id(declared), options, state.essence, builder)
    return aim(_PLANS.get(standpoint, build, tree, live, desired, declared), database, live, state)


def aim(plan: Plan, database: str, live: Catalog, state: TrackingState) -> Plan:
    """A plan that was made for another database which stands where this one does, with its own target."""
    fingerprint = plan_fingerprint(_FINGERPRINTS.get(id(live), live.fingerprint, live), state)
    target = PlanTarget(database=database, fingerprint=fingerprint)
    if plan.target == target:
        return plan
    return replace(plan, target=target).sealed(_CONTENTS.get(id(plan), plan.content, plan))


async def read_live(conn: Session, *, everything: bool = False) -> Catalog:
    """The catalog of a target; the empty one for a database in which nobody has made anything yet.

    Args:
        everything: read it in any case, `public` and the extensions that every database has included.
    """
    if not everything and await read_is_empty(conn):
        return Catalog()
    return await read_catalog(conn)


def empty_plan(source: LazySource, options: ApplyOptions, database: str | None) -> Plan:
    """The plan for a database that does not exist yet, or for none at all."""
    return build_plan(tree=source.tree(), ordered=source.ordered(), options=options.plan, database=database)


def locks_needed(plan: Plan) -> int:
    """About how many relations the transaction will lock: a new table has a TOAST table, indexes, sequences."""
    touched = {step.key.owner for step in plan.steps if step.kind in _LOCKED_KINDS}
    new = sum(step.action is Action.CREATE and step.kind is ObjectKind.TABLE for step in plan.steps)
    return len(touched) + new * (_RELATIONS_OF_A_TABLE - 1)


def _lock_warning(plan: Plan, facts: SessionFacts) -> tuple[str, ...]:
    needed = locks_needed(plan)
    if needed <= facts.lock_slots:
        return ()
    return (
        f"about {needed} relations will be locked, the server has room for {facts.lock_slots}: "
        'raise max_locks_per_transaction, or the apply may fail with "out of shared memory"',
    )


def with_warnings(plan: Plan, *warnings: str) -> Plan:
    """The plan with further warnings."""
    return replace(plan, warnings=(*plan.warnings, *warnings)) if warnings else plan


def _announce(on_progress: OnProgress | None, database: str, stage: Stage) -> None:
    if on_progress is not None:
        on_progress(Progress(database=database, stage=stage))
