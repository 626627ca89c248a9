"""A plan as a script for `psql -X -1 -v ON_ERROR_STOP=1 -f`: plain SQL that any other client can run too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from stonegate.cli.render.names import place, shell_consent, step_name, summarise
from stonegate.model.names import ObjectKind, quote_ident, quote_literal
from stonegate.model.plan import EVERYTHING, Action, Mode, Phase, Plan, Step
from stonegate.model.source import Seeder
from stonegate.source.statements.insert_text import parse_insert

# Like the apply: sequences that feed a filled column go on behind its explicit values. ALTER SEQUENCE is undone with
# the transaction, setval() is not (manual 9.17).
_MOVE_SEQUENCES = """\
DO $stonegate$
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
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
            UNION
            SELECT e.adrelid, e.adnum, d.refobjid
            FROM pg_catalog.pg_attrdef AS e
            JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
            WHERE d.refclassid = 'pg_class'::regclass
        ) AS feeding
        JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = feeding.sequence
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = feeding.relation AND a.attnum = feeding.number
        WHERE a.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
            AND a.attrelid IN ({tables})
    LOOP
        EXECUTE format('SELECT %s(%I) FROM %s', fed.extreme, fed.name, fed.relation) INTO reached;
        EXECUTE format('SELECT CASE WHEN is_called THEN last_value + $1 ELSE last_value END FROM %s', fed.sequence)
            INTO following USING fed.step;
        IF sign(fed.step) * (reached - following) >= 0 THEN
            EXECUTE format('ALTER SEQUENCE %s RESTART WITH %s', fed.sequence, reached + fed.step);
        END IF;
    END LOOP;
END
$stonegate$;"""

_SET_SEARCH_PATH = """\
DO $stonegate$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = {path}', current_database());
END
$stonegate$;"""

_MIGRATING = (Action.RUN, Action.BASELINE)


def render_script(plan: Plan) -> str:
    """The script. That of a blocked plan says why and stops before it does anything."""
    blocks = [_header(plan), *_blocked(plan), *_settings(plan)]
    for phase, steps in groupby(plan.steps, key=lambda step: step.phase):
        blocks += _phase(plan, phase, list(steps))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _header(plan: Plan) -> str:
    target = "an empty database" if plan.target is None else f"database {plan.target.database}"
    lines = [
        f"stonegate plan {plan.checksum}",
        f"for {target}, from {plan.source.path or 'an archive'} ({plan.source.fingerprint})",
        summarise(plan),
        "",
        "Run it with: psql -X -1 -v ON_ERROR_STOP=1 -f FILE",
        f"It records nothing; afterwards: {_afterwards(plan)}",
    ]
    if EVERYTHING in plan.uncertain:
        lines.append("A migration has a DO block or calls a function: what that does itself is to be left out below it")
    return "\n".join(_comment(line) for line in lines)


def _afterwards(plan: Plan) -> str:
    """What records the script: a plain apply would run its migrations a second time."""
    if plan.mode is not Mode.FRESH and not any(step.action in _MIGRATING for step in plan.steps):
        return "stonegate apply"
    return "stonegate apply --baseline, which runs no migration (a plain apply runs them a second time)"


def _blocked(plan: Plan) -> Iterator[str]:
    if not plan.blocked:
        return
    for reason in plan.blocked:
        allow = "" if reason.allow is None else f"; allow it: {shell_consent(reason.allow)}"
        yield _comment(f"BLOCKED: {reason.reason}{allow}")
    reasons = "; ".join(reason.reason for reason in plan.blocked)
    message = quote_literal(f"this plan is blocked: {reasons}")
    yield f"DO {_dollar_quote(f'BEGIN RAISE EXCEPTION USING MESSAGE = {message}; END')};"


def _dollar_quote(body: str) -> str:
    tag = "stonegate"
    while f"${tag}$" in body:
        tag += "_"
    return f"${tag}$ {body} ${tag}$"


def _settings(plan: Plan) -> Iterator[str]:
    path = ", ".join(map(quote_ident, plan.search_path or ("public",)))
    # As in the apply: the reference database has proven the bodies, which may come before what they read comes back.
    yield f"SET search_path = {path};\nSET check_function_bodies = {'on' if plan.desired is None else 'off'};"


def _phase(plan: Plan, phase: Phase, steps: list[Step]) -> Iterator[str]:
    shown = [step for step in steps if step.action is not Action.SKIP]
    if not shown:
        return
    yield f"-- {phase.value} " + "-" * (76 - len(phase.value))
    if phase is Phase.POST_COMMIT:
        yield "-- PostgreSQL forbids these in a transaction: the one above ends here.\nCOMMIT;"
    for step in shown:
        yield _step(plan, step)
    match phase:
        case Phase.PRELUDE:
            yield "-- What follows uses what was made above, which has to be committed first.\nCOMMIT;\nBEGIN;"
        case Phase.EXTENSIONS if plan.search_path:
            path = ", ".join(map(quote_ident, plan.search_path)).replace("'", "''").replace("%", "%%")
            yield _SET_SEARCH_PATH.format(path=path)
        case Phase.SEEDERS:
            yield _sequences(shown)
        case _:
            pass


def _step(plan: Plan, step: Step) -> str:
    where = place(step.file, step.line)
    head = f"{step.action.value} {step_name(step)}" + (f" ({where})" if where else "")
    lines = [_comment(head)]
    lines += [_comment(f"  {hazard.code}: {hazard.message}") for hazard in step.hazards]
    if step.action is Action.SEED:
        lines += [_insert(plan, seeder) for seeder in step.seeders]
    elif step.statements:
        # A comment at the end of a statement must not swallow its semicolon.
        lines += [
            statement.sql + ("\n;" if "--" in statement.sql.rpartition("\n")[2] else ";")
            for statement in step.statements
        ]
    elif step.reason:
        lines.append(_comment(f"  {step.reason}"))
    return "\n".join(lines)


def _insert(plan: Plan, seeder: Seeder) -> str:
    """The INSERT. Rows that a migration or a trigger of the same plan may have written are left out by their keys."""
    others_write = any(step.action is Action.RUN or step.kind is ObjectKind.TRIGGER for step in plan.steps)
    if others_write and not parse_insert(seeder).tail:
        return f"{seeder.sql}\nON CONFLICT DO NOTHING;"
    return f"{seeder.sql}\n;" if "--" in seeder.sql.rpartition("\n")[2] else f"{seeder.sql};"


def _sequences(steps: list[Step]) -> str:
    tables = dict.fromkeys(step.key.qualified.sql for step in steps if step.action is Action.SEED)
    literals = ", ".join(quote_literal(table) + "::regclass" for table in tables)
    return _MOVE_SEQUENCES.replace("{tables}", literals) if tables else ""


def _comment(text: str) -> str:
    """One comment line, whatever is in the text."""
    return ("-- " + " ".join(text.split("\n"))).rstrip()
