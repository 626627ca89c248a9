"""The plan for an empty database: the folder's own statements, in order (behaviour, §4 "Fresh database")."""

from __future__ import annotations

from itertools import takewhile

from msgspec.structs import replace

from stonegate.errors import SourceError
from stonegate.model.names import ObjectKey, ObjectKind, extension_key, quote_ident, quote_literal
from stonegate.model.plan import Action, Phase, Plan, Statement, Step
from stonegate.model.source import (
    EARLY_FOLDERS,
    Beginning,
    ExtensionItem,
    Folder,
    Migration,
    Seeder,
    SourceItem,
    SourceTree,
    Verb,
)
from stonegate.planner.migrations.decide import fresh_migrations
from stonegate.planner.order.nodes import ClosingClause, Node
from stonegate.planner.order.tree import Ordered, order_tree
from stonegate.planner.records import build_records
from stonegate.planner.steps.refreshing import reads_of_folder, refresh_steps
from stonegate.planner.steps.seeding import filled_tables, seed_steps

_PHASES = {
    Folder.EXTENSIONS: Phase.EXTENSIONS,
    Folder.TYPES: Phase.TYPES,
    Folder.TABLES: Phase.TABLES,
    Folder.MIGRATIONS: Phase.MIGRATIONS,
    Folder.VIEWS: Phase.VIEWS,
    Folder.FUNCTIONS: Phase.ROUTINES,
    Folder.TRIGGERS: Phase.TRIGGERS,
    Folder.SEEDERS: Phase.SEEDERS,
}
#: Characters of a statement that stand for the whole of it.
_LONGEST_REASON = 120


def plan_fresh(plan: Plan, tree: SourceTree, ordered: Ordered) -> Plan:
    """Fills `plan` for Mode.FRESH. No consent is needed: there is nothing to lose."""
    migrations = fresh_migrations(tree, ordered.migrations)
    by_name = {step.key.name: step for step in migrations}
    steps: list[Step] = []
    late: list[Step] = []
    for node in ordered.nodes:
        match node.value:
            case Migration(name=name):
                step = by_name[name]
                (late if step.phase is Phase.POST_COMMIT else steps).append(step)
            case Seeder():
                pass
            case _:
                steps.append(_step(node, tree))
    seeds = seed_steps(ordered.seeders, None, None)
    refreshes = refresh_steps(steps, lambda: reads_of_folder(ordered), filled_tables(seeds, seed_missing=False))
    return replace(
        plan,
        steps=_unique((*steps, *seeds, *refreshes, *late)),
        records=build_records(tree, migrations),
        search_path=extension_search_path(tree),
    )


def first_steps(beginning: Beginning) -> tuple[Step, ...]:
    """The steps that `plan_fresh` will begin with, as far as types and tables tell it.

    Nearly always that is so; where a statement in another folder changes it, only the whole plan knows.
    """
    if extension_search_path(beginning.tree):
        return ()  # the database's search_path is changed in front of them
    try:
        nodes = order_tree(beginning.tree).nodes
    except SourceError:
        return ()
    last = max((place for place, node in enumerate(nodes) if node.folder in EARLY_FOLDERS), default=-1)
    certain = takewhile(lambda node: _names(node).isdisjoint(beginning.later), nodes[: last + 1])
    return _unique(tuple(_step(node, beginning.tree) for node in certain))


def _names(node: Node) -> frozenset[str]:
    """What the statement mentions."""
    return frozenset(need.name for need in node.value.needs) if isinstance(node.value, SourceItem) else frozenset()


def _step(node: Node, tree: SourceTree) -> Step:
    match node.value:
        case ExtensionItem() as extension:
            return _extension_step(extension)
        case ClosingClause(item=item):
            circle = "a circle" if item.key.kind is ObjectKind.SEQUENCE else "a circle of tables"
            return _item_step(node, item, f"{node.label}, which closes {circle}")
        case SourceItem() as item:
            step = _item_step(node, item, "" if item.verb is Verb.CREATE else _beginning(item.sql))
            is_routine = item.verb is Verb.CREATE and item.key.kind is ObjectKind.ROUTINE
            if not is_routine or item.file not in tree.unchecked:
                return step
            off, on = (Statement(sql=f"SET check_function_bodies = {word}", line=node.line) for word in ("off", "on"))
            return replace(step, statements=(off, *step.statements, on))
        case _:
            raise AssertionError(f"{node.label} has no statement of its own")


def _beginning(sql: str) -> str:
    """The statement on one line, cut where it is long: it says best why it is there."""
    line = " ".join(sql.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"


def _item_step(node: Node, item: SourceItem, reason: str) -> Step:
    action = Action.ALTER if reason else Action.CREATE
    return Step(
        id=f"{action.value} {node.label}",
        action=action,
        phase=_PHASES[node.folder],
        key=item.key,
        file=node.file,
        line=node.line,
        statements=(Statement(sql=node.sql, line=node.line),),
        reason=reason,
        body_line=item.body_line,
    )


def _extension_step(extension: ExtensionItem) -> Step:
    key = extension_key(extension.name)
    sql = f"CREATE EXTENSION IF NOT EXISTS {quote_ident(extension.name)}"
    statements = []
    if extension.schema is not None:
        schema = quote_ident(extension.schema)
        if extension.schema != "pg_catalog":
            statements.append(Statement(sql=f"CREATE SCHEMA IF NOT EXISTS {schema}", line=extension.line))
        sql += f" SCHEMA {schema}"
    if extension.version is not None:
        sql += f" VERSION {quote_literal(extension.version)}"
    statements.append(Statement(sql=sql, line=extension.line))
    return Step(
        id=f"create {key}",
        action=Action.CREATE,
        phase=Phase.EXTENSIONS,
        key=key,
        file=extension.file,
        line=extension.line,
        statements=tuple(statements),
    )


def extension_search_path(tree: SourceTree) -> tuple[str, ...]:
    """`public` and the schemas that extensions have of their own, or () when there are none (behaviour, §4)."""
    schemas = (item.schema for item in tree.extensions)
    own = tuple(dict.fromkeys(schema for schema in schemas if schema and schema not in ("public", "pg_catalog")))
    return ("public", *own) if own else ()


def _unique(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Step ids made unique by a number, in order (two ALTERs of one table)."""
    seen: dict[str, int] = {}
    made: list[Step] = []
    for step in steps:
        count = seen[step.id] = seen.get(step.id, 0) + 1
        made.append(step if count == 1 else replace(step, id=f"{step.id} ({count})"))
    return tuple(made)


def declared_keys(tree: SourceTree) -> tuple[ObjectKey, ...]:
    """Tables, types, views and routines that the folder declares."""
    kinds = (
        ObjectKind.TABLE,
        ObjectKind.TYPE,
        ObjectKind.VIEW,
        ObjectKind.MATERIALIZED_VIEW,
        ObjectKind.ROUTINE,
    )
    return tuple(item.key for item in tree.items if item.verb is Verb.CREATE and item.key.kind in kinds)
