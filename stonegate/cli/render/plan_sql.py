"""A plan as a script for `psql -X -1 -v ON_ERROR_STOP=1 -f`: plain SQL that any other client can run too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from stonegate.cli.render.lines import printable
from stonegate.cli.render.names import place, shell_consent, step_name, summarise
from stonegate.database.connect import FORM
from stonegate.database.executor.post_commit import is_setting
from stonegate.database.script import begin_script, is_recorded, late_notes, make_tables, record_script, settle_script
from stonegate.database.seeds.by_key import missing_inserts
from stonegate.model.catalog import Catalog
from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKind, quote_dollars, quote_ident, quote_literal
from stonegate.model.plan import EVERYTHING, Action, Phase, Plan, Step
from stonegate.model.source import Seeder
from stonegate.model.tokens import NotLexable, canonical_form, lex
from stonegate.model.tracking import TrackingState
from stonegate.source.statements.insert_text import parse_insert

# Like the apply: sequences that feed a filled column go on behind its explicit values. ALTER SEQUENCE is undone with
# the transaction, setval() is not (manual 9.17). Nothing in it calls what somebody made in
# `public`: whoever runs a script may be a superuser.
_MOVE_SEQUENCES = """\
DECLARE
    fed record;
    reached bigint;
    following bigint;
BEGIN
    FOR fed IN
        SELECT a.attrelid::regclass AS relation, a.attname AS name, s.seqrelid::regclass AS sequence,
            s.seqincrement AS step, CASE WHEN s.seqincrement > 0 THEN 'max' ELSE 'min' END AS extreme
        FROM (
            SELECT d.refobjid AS relation, d.refobjsubid AS number, d.objid AS sequence
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass::oid AND d.refclassid = d.classid
                AND d.deptype IN ('a', 'i')
            UNION
            SELECT e.adrelid, e.adnum, d.refobjid
            FROM pg_catalog.pg_attrdef AS e
            JOIN pg_catalog.pg_depend AS d ON d.objid = e.oid
            WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass::oid
                AND d.refclassid = 'pg_catalog.pg_class'::regclass::oid
        ) AS feeding
        JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = feeding.sequence
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = feeding.relation AND a.attnum = feeding.number
        WHERE a.atttypid IN ('smallint'::regtype::oid, 'integer'::regtype::oid, 'bigint'::regtype::oid)
            AND a.attrelid IN ({tables})
    LOOP
        EXECUTE pg_catalog.format('SELECT pg_catalog.%s(%I) FROM %s', fed.extreme, fed.name, fed.relation) INTO reached;
        EXECUTE pg_catalog.format(
            'SELECT CASE WHEN is_called THEN last_value + $1 ELSE last_value END FROM %s', fed.sequence
        ) INTO following USING fed.step;
        IF (fed.step > 0 AND reached >= following) OR (fed.step < 0 AND reached <= following) THEN
            EXECUTE pg_catalog.format('ALTER SEQUENCE %s RESTART WITH %s', fed.sequence, reached + fed.step);
        END IF;
    END LOOP;
END"""

_SET_SEARCH_PATH = """\
BEGIN
    EXECUTE pg_catalog.format('ALTER DATABASE %I SET search_path = {path}', pg_catalog.current_database());
END"""

_ROLE = re.compile(r"set (?:local |session )?role\b")
_COLON = re.compile(r"(?<!:):[\w\"']")
_RULE = 76


def render_script(plan: Plan, state: TrackingState | None = None, declared: Catalog | None = None) -> str:
    """The script. That of a blocked plan says why and stops before it does anything.

    Args:
        state: what was recorded in the target when the plan was made, if anybody looked.
        declared: what an empty database will hold, where that is known.
    """
    state = state or TrackingState()
    beginning = begin_script(plan, state) if is_recorded(plan) else ""
    shown = [step for step in plan.steps if step.action is not Action.SKIP]
    early = [step for step in shown if step.phase is Phase.PRELUDE]
    late = [step for step in shown if step.phase is Phase.POST_COMMIT]
    inside = [step for step in shown if step.phase not in (Phase.PRELUDE, Phase.POST_COMMIT)]
    blocks = [_header(plan), *_blocked(plan), _settings(plan), *_prelude(plan, beginning, early)]
    if is_recorded(plan):
        blocks += [beginning, make_tables()]
    for phase, steps in groupby(inside, key=lambda step: step.phase):
        blocks += _phase(plan, phase, list(steps))
    if is_recorded(plan):
        blocks += [_rule("records"), record_script(plan, state, declared)]
    blocks += _end(plan, late, is_begun=bool(early))
    return "\n\n".join(block for block in blocks if block) + "\n"


def left_to_apply(plan: Plan) -> Iterator[str]:
    """What was asked for and no script does: it asks the database nothing about declared rows."""
    if all(step.action is not Action.VALIDATE for step in plan.steps):
        return
    left = dict.fromkeys(
        step.key.label for step in plan.steps for _, inserts in _missing(plan, step) if inserts is None
    )
    if left:
        yield (
            "a script finds missing rows only by keys that stand in them as constants: for others, of "
            f"{', '.join(left)}, `stonegate apply --seed-missing` has to follow"
        )
    if any(consent.token is ConsentToken.MISSING_SEED for consent in plan.consents):
        yield "a script does not look which rows are missing: give `stonegate apply` behind it --allow missing_seed"


def _header(plan: Plan) -> str:
    target = "an empty database" if plan.target is None else f"database {plan.target.database}"
    lines = [
        f"stonegate plan {plan.checksum}",
        f"for {target}, from {plan.source.path or 'an archive'} ({plan.source.fingerprint})",
        summarise(plan),
        "",
        "Run it with: psql -X -1 -v ON_ERROR_STOP=1 -f FILE",
        *_recording(plan),
    ]
    if EVERYTHING in plan.uncertain:
        lines.append("A migration has a DO block or calls a function: what that does itself is to be left out below it")
    return "\n".join(_comment(line) for line in lines)


def _recording(plan: Plan) -> Iterator[str]:
    if is_recorded(plan):
        yield "As the role that deploys: to whoever runs it belongs what it makes, the tracking tables too"
        yield "It records what it does, if it is one transaction; afterwards: stonegate apply, which verifies it"


def _blocked(plan: Plan) -> Iterator[str]:
    if not plan.blocked:
        return
    for reason in plan.blocked:
        allow = "" if reason.allow is None else f"; allow it: {shell_consent(reason.allow)}"
        yield _comment(f"BLOCKED: {reason.reason}{allow}")
    reasons = "; ".join(reason.reason for reason in plan.blocked)
    message = quote_literal(printable(f"this plan is blocked: {reasons}"))
    yield f"DO {quote_dollars(f'BEGIN RAISE EXCEPTION USING MESSAGE = {message}; END')};"


def _settings(plan: Plan) -> str:
    path = ", ".join(map(quote_ident, plan.search_path or ("public",)))
    # As in the apply: the folder means the same whatever a role or a database has for its applications.
    form = "\n".join(
        f"SET {name} = {quote_literal(value)};" for name, value in ({"client_encoding": "UTF8"} | FORM).items()
    )
    # As in the apply: the reference database has proven the bodies, which may come before what they read comes back.
    bodies = f"SET check_function_bodies = {'on' if plan.desired is None else 'off'};"
    return f"{form}\nSET search_path = {path};\n{bodies}"


def _as_before(plan: Plan, migration: Step) -> Iterator[str]:
    """What a migration SET is its own affair, as in the apply."""
    texts = [canonical_form(each.sql) for each in migration.statements if is_setting(each.sql)]
    if any("session authorization" in text for text in texts):
        yield "RESET SESSION AUTHORIZATION;"
    if any(_ROLE.match(text) for text in texts):
        yield "RESET ROLE;"
    if texts:
        yield _settings(plan)


def _rule(text: str) -> str:
    return f"-- {text} " + "-" * (_RULE - len(text))


def _prelude(plan: Plan, beginning: str, steps: list[Step]) -> Iterator[str]:
    if not steps:
        return
    yield _rule(Phase.PRELUDE.value)
    yield beginning
    for step in steps:
        yield _step(plan, step)
    yield "-- What follows uses what was made above, which has to be committed first.\nCOMMIT;\nBEGIN;"


def _end(plan: Plan, late: list[Step], *, is_begun: bool) -> Iterator[str]:
    """What follows the transaction, which is ended by whoever runs the script unless it was begun here."""
    if late:
        yield _rule(Phase.POST_COMMIT.value)
        yield "-- PostgreSQL forbids these in a transaction: the one above ends here.\nCOMMIT;"
    elif is_begun:
        yield "COMMIT;"
    for step in late:
        yield _step(plan, step, late_notes(plan, step) if is_recorded(plan) else ())
    if late and is_recorded(plan):
        yield settle_script(plan)


def _phase(plan: Plan, phase: Phase, steps: list[Step]) -> Iterator[str]:
    yield _rule(phase.value)
    for step in steps:
        yield _step(plan, step)
    match phase:
        case Phase.EXTENSIONS if plan.search_path:
            path = ", ".join(map(quote_ident, plan.search_path)).replace("'", "''").replace("%", "%%")
            yield f"DO {quote_dollars(_SET_SEARCH_PATH.format(path=path))};"
        case Phase.SEEDERS:
            yield _sequences([step for step in steps if step.action is Action.SEED or any(_missing(plan, step))])
        case _:
            pass


def _step(plan: Plan, step: Step, notes: Sequence[tuple[str, str]] = ()) -> str:
    """The statements of a step below its name; `notes` stand before and behind each."""
    where = place(step.file, step.line)
    head = f"{step.action.value} {step_name(step)}" + (f" ({where})" if where else "")
    lines = [_comment(head)]
    lines += [_comment(f"  {hazard.code}: {hazard.message}") for hazard in step.hazards]
    if step.action is Action.SEED:
        lines += [_insert(plan, seeder) for seeder in step.seeders]
    elif step.statements:
        for statement, (before, after) in zip(step.statements, notes or [("", "")] * len(step.statements), strict=True):
            lines += filter(None, (before, _ended(statement.sql), after))
        if step.action is Action.RUN and step.transactional:
            lines += _as_before(plan, step)
    elif step.reason:
        lines.append(_comment(f"  {step.reason}"))
    for seeder, inserts in _missing(plan, step):
        if inserts is None:
            where = place(seeder.file, seeder.line)
            lines.append(_comment(f"  {where} is left to stonegate apply --seed-missing, which looks up each row"))
        lines += map(_ended, inserts or ())
    return "\n".join(lines)


def _missing(plan: Plan, step: Step) -> Iterator[tuple[Seeder, tuple[str, ...] | None]]:
    """The seeders whose missing rows are to be inserted into a table that was there, with what does that."""
    table = plan.desired.table(step.key.qualified.key(ObjectKind.TABLE)) if plan.desired is not None else None
    if step.action is Action.VALIDATE and plan.seed_missing:
        yield from ((each, None if table is None else missing_inserts(each, table)) for each in step.seeders)


def _ended(statement: str) -> str:
    """A comment at the end of a statement must not swallow its semicolon."""
    statement = _without_variables(statement)
    return statement + ("\n;" if "--" in statement.rpartition("\n")[2] else ";")


def _without_variables(statement: str) -> str:
    """A blank behind the colon of `[1:host]`, `[1:"HOST"]` or `json_object('a':host)`: psql puts its variable of that
    name there (psql, "SQL Interpolation")."""
    if _COLON.search(statement) is None:
        return statement
    raw = statement.encode()
    try:
        tokens = lex(raw)
    except NotLexable:
        return statement
    for colon, following in reversed(list(pairwise(tokens))):
        if colon.text == b":" and colon.end == following.start:
            raw = raw[: colon.end] + b" " + raw[colon.end :]
    return raw.decode()


def _insert(plan: Plan, seeder: Seeder) -> str:
    """The INSERT. Rows that a migration or a trigger of the same plan may have written are left out by their keys."""
    others_write = any(step.action is Action.RUN or step.kind is ObjectKind.TRIGGER for step in plan.steps)
    if others_write and not parse_insert(seeder).tail:
        return f"{_without_variables(seeder.sql)}\nON CONFLICT DO NOTHING;"
    return _ended(seeder.sql)


def _sequences(steps: list[Step]) -> str:
    tables = dict.fromkeys(step.key.qualified.sql for step in steps)
    literals = ", ".join(quote_literal(table) + "::regclass::oid" for table in tables)
    return f"DO {quote_dollars(_MOVE_SEQUENCES.replace('{tables}', literals))};" if tables else ""


def _comment(text: str) -> str:
    """One comment line, whatever is in the text; a carriage return ends one, too, and names come from anywhere."""
    return ("-- " + printable(re.sub("[\r\n]", " ", text))).rstrip()
