"""Views, routines, triggers, policies, and the objects that stonegate only carries along."""

from __future__ import annotations

from collections.abc import Iterator

from stonegate.errors import MigrationBlocked
from stonegate.model.catalog import OtherObject, Policy, Routine, Table, Trigger, View
from stonegate.model.names import QualifiedName, quote_ident
from stonegate.planner.ddl import text
from stonegate.planner.ddl.access import access_statements, comment_statement, reference
from stonegate.planner.ddl.clauses import Clause, Order, combine, part_comment
from stonegate.planner.ddl.columns import column_clause, column_notes, column_settings
from stonegate.planner.ddl.constraints import create_index

# --- views ----------------------------------------------------------------------------------------------------------


def create_view(view: View, builder: str) -> tuple[str, ...]:
    """CREATE VIEW or CREATE MATERIALIZED VIEW with everything but its triggers."""
    name = view.key.qualified
    clauses = [Clause(statement=_view_statement(view, replacing=False))]
    clauses += (clause for index in view.indexes for clause in create_index(view, index))
    for column in view.columns:
        if column.default is not None:
            clauses.append(column_clause(name, column.name, f"SET DEFAULT {column.default}", Order.SET_DEFAULT))
        clauses += column_settings(name, column)
    notes = [clause for column in view.columns for clause in column_notes(name, column)]
    return (*combine(clauses), *access_statements(view, builder), *combine(notes))


def replace_view(view: View) -> Clause:
    """CREATE OR REPLACE VIEW with its options, which PostgreSQL would drop otherwise; the rest of it stays."""
    return Clause(statement=_view_statement(view, replacing=True))


def _view_statement(view: View, *, replacing: bool) -> str:
    words = f"CREATE {'OR REPLACE ' if replacing else ''}{'MATERIALIZED ' if view.materialized else ''}VIEW"
    head = f"{words} {view.key.qualified.sql}{''.join(_view_storage(view))} AS"
    data = f"\nWITH {'' if view.populated else 'NO '}DATA" if view.materialized else ""
    return f"{head}\n{view.definition}{data}"


def refresh_view(name: QualifiedName) -> str:
    """REFRESH MATERIALIZED VIEW."""
    return f"REFRESH MATERIALIZED VIEW {name.sql}"


def _view_storage(view: View) -> Iterator[str]:
    if view.access_method is not None:
        yield f" USING {quote_ident(view.access_method)}"
    if view.options:
        yield f" WITH ({text.set_options(view.options)})"
    if view.tablespace is not None:
        yield f" TABLESPACE {quote_ident(view.tablespace)}"


def view_clauses(aspect: str, desired: View, live: View, server: int) -> Iterator[Clause]:
    """ALTER VIEW … SET and RESET, and where the rows of a materialised view are kept."""
    head = f"ALTER {reference(desired)}"
    match aspect:
        case "options":
            for action in text.option_changes(desired.options, live.options):
                yield Clause(statement=f"{head} {action}", order=Order.PART_STATE)
        case "access_method":
            method = text.access_method(desired.access_method, server)
            yield Clause(statement=f"{head} SET ACCESS METHOD {method}", order=Order.PART_STATE)
        case "tablespace":
            place = quote_ident(desired.tablespace or text.DEFAULT_TABLESPACE)
            yield Clause(statement=f"{head} SET TABLESPACE {place}", order=Order.PART_STATE)
        case "populated":
            yield Clause(statement=refresh_view(desired.key.qualified), order=Order.PART_STATE)
        case _:
            raise LookupError(f"{desired.key}: a view has no {aspect}")


# --- routines -------------------------------------------------------------------------------------------------------


def create_routine(routine: Routine, builder: str) -> tuple[str, ...]:
    """The definition as PostgreSQL prints it, with owner, privileges and comment."""
    return (routine.definition, *access_statements(routine, builder))


# --- triggers -------------------------------------------------------------------------------------------------------


def create_trigger(holder: Table | View, trigger: Trigger) -> Iterator[Clause]:
    """CREATE TRIGGER with its state and comment."""
    yield Clause(statement=trigger.definition, order=Order.CREATE_PART)
    if trigger.enabled != "O":
        yield trigger_state(holder, trigger)
    if trigger.comment is not None:
        yield part_comment(holder.key.qualified.sql, trigger)


def trigger_state(holder: Table | View, trigger: Trigger) -> Clause:
    """ENABLE [REPLICA | ALWAYS] TRIGGER or DISABLE TRIGGER (manual: ALTER TABLE)."""
    words = {"O": "ENABLE", "D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}[trigger.enabled]
    clause = f"{words} TRIGGER {quote_ident(trigger.name)}"
    return Clause(table=holder.key.qualified, clause=clause, order=Order.PART_STATE)


def trigger_statements(holder: Table | View) -> tuple[str, ...]:
    """All triggers of a new table or view, when their routines exist."""
    return combine(clause for trigger in holder.triggers for clause in create_trigger(holder, trigger))


# --- policies -------------------------------------------------------------------------------------------------------


def create_policy(table: Table, policy: Policy) -> Iterator[Clause]:
    """CREATE POLICY with its comment."""
    roles = ", ".join("PUBLIC" if role == "public" else quote_ident(role) for role in policy.roles)
    parts = [f"CREATE POLICY {quote_ident(policy.name)} ON {table.key.qualified.sql}"]
    parts += [] if policy.permissive else ["AS RESTRICTIVE"]
    parts.append(f"FOR {policy.command} TO {roles}")
    parts += [f"USING ({policy.using})"] if policy.using is not None else []
    parts += [f"WITH CHECK ({policy.check})"] if policy.check is not None else []
    yield Clause(statement=" ".join(parts), order=Order.CREATE_PART)
    if policy.comment is not None:
        yield part_comment(table.key.qualified.sql, policy)


def policy_statements(table: Table) -> tuple[str, ...]:
    """All policies of a new table, when everything that they mention exists."""
    return combine(clause for policy in table.policies for clause in create_policy(table, policy))


# --- other objects --------------------------------------------------------------------------------------------------


def create_other(thing: OtherObject, builder: str) -> tuple[str, ...]:
    """The object with its parts, its owner if that is not `builder`, and its comment.

    Raises:
        MigrationBlocked: an object of this kind is the server's business, and only known as a text to compare.
    """
    if not thing.creatable:
        raise MigrationBlocked(
            f"{thing.key}: stonegate cannot write a CREATE statement for it",
            hint="write a migration that creates it",
        )
    owner = (other_owner(thing).statement,) if thing.owner not in ("", builder) else ()
    comment = (other_comment(thing).statement,) if thing.comment is not None else ()
    return (thing.definition, *(part.sql for part in thing.parts), *owner, *comment)


def other_parts(desired: OtherObject, live: OtherObject) -> Iterator[Clause]:
    """Parts that are not declared are taken back before those that lack are given: they may take the same place."""
    yield from (Clause(statement=part.undo) for part in live.parts if part not in desired.parts)
    yield from (Clause(statement=part.sql) for part in desired.parts if part not in live.parts)


def other_owner(thing: OtherObject) -> Clause:
    """ALTER … OWNER TO."""
    return Clause(statement=f"ALTER {reference(thing)} OWNER TO {quote_ident(thing.owner)}", order=Order.OWNER)


def other_comment(thing: OtherObject) -> Clause:
    """COMMENT ON the object, by the name that pg_identify_object gives it."""
    return Clause(statement=comment_statement(reference(thing), thing.comment), order=Order.COMMENT)
