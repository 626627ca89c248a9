"""What the script of a plan records, if it is carried out without stonegate: by the statements of an apply (§7).

A script is to be one transaction. Its first statement takes the apply lock until the end of that, so its last one can
tell whether all of it was: where each statement is committed alone and a client goes on behind one that failed, nobody
knows in the end what was done, and nothing is recorded.
"""

from __future__ import annotations

import json
import re
from base64 import encodebytes
from collections.abc import Mapping

from msgspec.structs import replace
from psycopg import sql
from psycopg.types.json import Jsonb

from stonegate.database.connect import connect, using
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.executor.post_commit import pending_statements, runs_in_block, without_late
from stonegate.database.reference.build import build_key, obtain_reference
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.server.facts import read_session
from stonegate.database.server.locks import apply_key
from stonegate.database.sql import compose
from stonegate.database.tracking.records import IN_TRANSACTION, deployment_facts, plan_facts
from stonegate.database.tracking.tables import ANNOUNCED, DONE, STARTED
from stonegate.errors import ConnectionFailed, DatabaseNotFound, ReferenceUnavailable, StonegateError
from stonegate.model.catalog import Catalog
from stonegate.model.names import quote_dollars, quote_literal
from stonegate.model.plan import Action, Mode, Phase, Plan, Step
from stonegate.model.report import StepReport, count_actions
from stonegate.model.tracking import BY_SCRIPT, RecordKind, TrackingState
from stonegate.source.lazy import LazySource

_PLACE = re.compile(r"%\((\w+)\)s")
_PREFIX = "public._stonescriptdb_gateway_"
#: The tables that have no rows where a plan is the first of its kind (planner/build.py, choose_mode).
_EMPTY = {
    Mode.FRESH: ["migrations", "types", "tables", "functions", "deployments"],
    Mode.ADOPTION: ["deployments"],
}
_MIGRATING = (Action.RUN, Action.BASELINE)
_NOTHING_RECORDED = TrackingState()
_NO_PRIVILEGE = "42501"
#: As they were: a script looks no declared row up.
_MISSING_SEEDS = sql.SQL(
    f"coalesce((SELECT d.missing_seeds FROM {_PREFIX}deployments AS d ORDER BY d.id DESC LIMIT 1), '{{}}')"
)


def is_recorded(plan: Plan) -> bool:
    """Whether a script of the plan has anything to record."""
    return plan.mode is not Mode.UNCHANGED and not plan.blocked


async def read_declared(conninfo: str, source: LazySource, options: ApplyOptions) -> Catalog | None:
    """What an empty database will hold, by the folder's reference; None where none can be built by this role.

    A script may be for another one, which has the rights: where they are missing here, that is no failure.

    Args:
        conninfo: of the database, which may be missing.

    Raises:
        SourceError, ExtensionNotAvailable: see there.
        StonegateError: the folder does not deploy.
    """
    try:
        return await _build_declared(conninfo, source, options)
    except (ReferenceUnavailable, ConnectionFailed):
        return None
    except StonegateError as error:
        if error.sqlstate != _NO_PRIVILEGE:
            raise
        return None


async def _build_declared(conninfo: str, source: LazySource, options: ApplyOptions) -> Catalog:
    try:
        conn = await connect(conninfo)
    except DatabaseNotFound:
        conn = await connect_maintenance(conninfo)
    async with using(conn):
        facts = await read_session(conn)
        key = await build_key(conn, source.tree(), facts, facts.role)
    admin = None if facts.superuser else options.admin
    login = conninfo if admin else None
    made = await obtain_reference(admin or conninfo, source, key, shadow=options.shadow, login=login)
    return made.catalog


def begin_script(plan: Plan, state: TrackingState) -> str:
    """The first statement of each of its transactions: it fails where the database is past the plan already.

    Args:
        state: what was recorded when the plan was made.
    """
    facts = _lock() | {
        "last": None if state.last is None else state.last.id,
        "empty": _EMPTY.get(plan.mode, []),
        "migrations": [step.key.name for step in plan.steps if step.action in _MIGRATING],
        "late": [step.id for step in late_steps(plan)],
        "plan_checksum": plan.checksum,
    }
    return _block(compose("tracking/script_begin"), facts)


def make_tables() -> str:
    """The tracking tables where they are missing; behind `begin_script` in the transaction that records."""
    return _block(compose("tracking/script_tables"), _lock())


def record_script(plan: Plan, state: TrackingState, declared: Catalog | None = None) -> str:
    """All records but those of what follows the commit; the last statement of the transaction.

    The next apply verifies what is there: no change stamp is taken.

    Args:
        state: what was recorded when the plan was made: rows that say the same already are left out.
        declared: what an empty database will hold; None where that is not known.
    """
    late = {step.id for step in late_steps(plan)}
    inside = [step for step in plan.steps if step.id not in late and step.action is not Action.SKIP]
    names = [name for step in late_steps(plan) for name, _ in pending_statements(step, _NOTHING_RECORDED)]
    facts = deployment_facts(
        plan,
        plan.desired if plan.mode in (Mode.CHANGE, Mode.ADOPTION) else declared,
        count_actions(inside),
        dict.fromkeys(names, ANNOUNCED),
    )
    facts |= {
        "mode": f"{plan.mode.value} by script",
        "duration_ms": sql.SQL(IN_TRANSACTION),
        "live_checksum": None,
        "missing_seeds": _MISSING_SEEDS,
    }
    deployment = compose("tracking/record_deployment").replace("{stamp}", quote_literal(BY_SCRIPT))
    kept = without_late(replace(plan, steps=late_steps(plan)))
    records = f"{_records(kept, inside, state)}{_in_words(deployment, facts)}\nINTO deployment;"
    return _block(compose("tracking/script_records"), _lock(), records)


def late_steps(plan: Plan) -> tuple[Step, ...]:
    """What follows the commit."""
    return tuple(step for step in plan.steps if step.phase is Phase.POST_COMMIT and step.statements)


def late_notes(plan: Plan, step: Step) -> tuple[tuple[str, str], ...]:
    """What goes in front of each statement of a step after the commit, and what behind it.

    What may stand in a transaction is one with its note; all else is noted as started, and as done behind it.
    """
    facts = _deployment(plan)
    statements = pending_statements(step, _NOTHING_RECORDED)
    done = Jsonb({name: DONE for name, _ in statements})
    notes = []
    for number, (name, sent) in enumerate(statements, start=1):
        note = facts | {"step": name, "done": done}
        if number < len(statements):
            after = _block(compose("tracking/script_note"), note | {"state": DONE})
        else:
            after = _block(compose("tracking/script_end"), note | {"state": DONE}, _records(_only(plan, step), [step]))
        if runs_in_block(sent.sql):
            notes.append(("BEGIN;", f"{after}\nCOMMIT;"))
        else:
            notes.append((_block(compose("tracking/script_note"), note | {"state": STARTED}), after))
    return tuple(notes)


def settle_script(plan: Plan) -> str:
    """The last statement of a script that goes on after the commit; "" where nothing depends on it."""
    if not plan.awaited:
        return ""
    return _block(
        compose("tracking/script_settled"), _deployment(plan) | {"stamp": BY_SCRIPT, "excepted": [*plan.excepted]}
    )


def _deployment(plan: Plan) -> dict[str, object]:
    number = f"(SELECT pg_catalog.max(d.id) FROM {_PREFIX}deployments AS d WHERE d.plan_checksum = %(plan)s)"
    return {"deployment": sql.SQL(_in_words(number, {"plan": plan.checksum}))}


def _only(plan: Plan, step: Step) -> Plan:
    """The plan with the record of that migration alone."""
    records = (r for r in plan.records if r.kind is RecordKind.MIGRATION and r.name == step.key.name)
    return replace(plan, records=tuple(records))


def _records(plan: Plan, steps: list[Step], state: TrackingState = _NOTHING_RECORDED) -> str:
    reports = [StepReport(step=step) for step in steps]
    return "".join(f"{_in_words(compose(name), facts)};\n" for name, facts in plan_facts(plan, reports, state=state))


def _lock() -> dict[str, object]:
    return {"lock": apply_key("").space}


def _block(body: str, facts: Mapping[str, object], records: str = "") -> str:
    """A DO block; the records have their values already."""
    before, mark, after = body.partition("{records}")
    text = _in_words(before, facts) + records.rstrip() + _in_words(after, facts) if mark else _in_words(body, facts)
    return f"DO {quote_dollars(text)};"


def _in_words(text: str, facts: Mapping[str, object]) -> str:
    """The statement with its values, whatever settings the session has that will read them."""
    return _PLACE.sub(lambda found: _in_word(found[1], facts[found[1]]), text)


def _in_word(name: str, value: object) -> str:
    match value:
        case None:
            return "NULL"
        case sql.SQL():
            return value.as_string()
        case Jsonb():
            return quote_literal(json.dumps(value.obj, ensure_ascii=False))
        case bytes():
            return f"pg_catalog.decode('\n{encodebytes(value).decode()}', 'base64')"
        case list():
            return f"ARRAY[{', '.join(quote_literal(str(each)) for each in value)}]::text[]"
        case int():
            return str(value)
        case str() if name == "rows":  # one to a line, for whoever reads it
            rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in json.loads(value))
            return quote_dollars(f"[\n{rows}\n]", "rows")
        case str():
            return quote_literal(value)
        case _:
            raise AssertionError(f"{name} of a type that no record has")
