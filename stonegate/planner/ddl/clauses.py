"""The unit of SQL generation, and how single clauses become as few ALTER TABLE statements as PostgreSQL allows.

`Order` is the one place that says what has to run before what when several changes meet on a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import TypeVar

from msgspec import Struct

from stonegate.model.catalog import (
    Attribute,
    Catalog,
    CatalogObject,
    Column,
    Constraint,
    Index,
    Policy,
    Table,
    Trigger,
)
from stonegate.model.names import QualifiedName, quote_ident
from stonegate.planner.ddl.access import comment_statement

_STAGE = 100

Part = TypeVar("Part", Column, Attribute, Constraint, Index, Trigger, Policy)


class Order(IntEnum):
    """The place of a clause among the others. Clauses of one hundred can share an ALTER TABLE.

    Inside one ALTER TABLE PostgreSQL works in passes: drops, then types, then new columns, then defaults, NOT NULL and
    constraints (manual: ALTER TABLE; `AlterTablePass` in its source); the order below agrees with that.
    """

    DETACH = 0
    TYPE_CLEARED = 6  # of checks whose names others may take
    TYPE_RENAMED = 8
    TYPE_CHANGE = 10  # of enums, domains and composites
    KEEP_SEQUENCE = 20

    DROP_FOREIGN_KEY = 100

    DROP_PART = 200  # triggers, policies, indexes
    RENAME = 220

    STATEMENT = 300  # whole statements in the order in which they were given
    CREATE_SEQUENCE = 310
    FREE_OF_IDENTITY = 390  # before a type that none has

    DROP_CONSTRAINT = 400
    RESET_CATALOG_TABLE = 401  # nothing rewrites a table that is one
    DROP_GENERATED_COLUMN = 402
    DROP_COLUMN = 404
    DROP_DEFAULT = 406
    DROP_IDENTITY = 408
    DROP_EXPRESSION = 410
    DROP_NOT_NULL = 412
    COLUMN_TYPE = 420
    COLUMN_EXPRESSION = 422
    ADD_COLUMN = 430
    ADD_GENERATED_COLUMN = 432
    SET_DEFAULT = 440
    ADD_IDENTITY = 442
    SET_NOT_NULL = 444
    COLUMN_SETTING = 450
    TABLE_SETTING = 460
    ADD_PRIMARY_KEY = 470
    ADD_CONSTRAINT = 472
    VALIDATE = 480
    DROP_FREED_COLUMN = 490  # one that a generated column was made of until it got another expression

    NEXT_SEQUENCE = 500  # created when the name of the one before is free

    NEXT_DEFAULT = 600
    DROP_READ_COLUMN = 602  # one that a column was filled from which was virtual
    NEXT_NOT_NULL = 610
    NEXT_SETTING = 620  # of a TOAST table, which the ALTER TABLE before may have made; and see RESET_CATALOG_TABLE

    OWN_SEQUENCE = 700
    ADVANCE_SEQUENCE = 710

    CREATE_SHARE = 790  # of an index, which the parent's takes in
    ATTACH = 800
    CREATE_INDEX = 810

    ADD_FOREIGN_KEY = 900
    INDEX_MARK = 910  # replica identity and cluster, which name an index

    CREATE_PART = 1000  # triggers, policies

    PART_STATE = 1100

    OWNER = 1200
    PRIVILEGES = 1210
    COLUMN_PRIVILEGES = 1212
    COMMENT = 1220


class Clause(Struct, frozen=True, kw_only=True):
    """Either a subcommand of ALTER TABLE, which may share a statement with others, or a statement of its own.

    Attributes:
        table, clause: the table, and what follows `ALTER TABLE name`.
        statement: a whole statement without final semicolon; then `table` is None.
        order: see `Order`.
        only: `ALTER TABLE ONLY`, which spares the table's children; in a statement of its own.
        transactional: False for what PostgreSQL forbids in a transaction block.
    """

    table: QualifiedName | None = None
    clause: str = ""
    statement: str = ""
    order: int = Order.STATEMENT
    only: bool = False
    transactional: bool = True


def combine(clauses: Iterable[Clause]) -> tuple[str, ...]:
    """The statements that carry out all clauses, each once: one ALTER TABLE where PostgreSQL needs only one."""
    ordered = _in_order(dict.fromkeys(clauses))
    statements: list[str] = []
    table: QualifiedName | None = None
    pending: list[str] = []
    is_retyping = False
    for clause in ordered:
        # PostgreSQL 17 and 18 lose an index that a new type and then a new expression rebuild in one ALTER TABLE.
        ends = clause.order == Order.COLUMN_EXPRESSION and is_retyping
        ends |= clause.order in (Order.DROP_FREED_COLUMN, Order.NEXT_SETTING) and bool(pending)
        if clause.table is None or clause.table != table or ends:
            statements += _alter_table(table, pending)
            table, pending, is_retyping = clause.table, [], False
        is_retyping |= clause.order == Order.COLUMN_TYPE
        if clause.table is None:
            statements.append(clause.statement)
        elif clause.only:
            statements += (*_alter_table(table, pending), f"ALTER TABLE ONLY {clause.table.sql} {clause.clause}")
            pending = []
        elif clause.clause.startswith(("NO INHERIT", "NOT OF")) or clause.order == Order.FREE_OF_IDENTITY:
            # PostgreSQL looks at the rest of one ALTER TABLE first: what is inherited, or has a type, allows little,
            # and no identity is given another type than an integer.
            statements += (*_alter_table(table, pending), *_alter_table(table, [clause.clause]))
            pending = []
        elif clause.clause not in pending:
            pending.append(clause.clause)
    return (*statements, *_alter_table(table, pending))


def _in_order(clauses: Iterable[Clause]) -> list[Clause]:
    """By stage, then by table in order of appearance, then by order; statements that are equal in this stay put."""
    numbers: dict[QualifiedName | None, int] = {None: -1}

    def place(clause: Clause) -> tuple[int, int, int]:
        return (clause.order // _STAGE, numbers.setdefault(clause.table, len(numbers)), clause.order)

    return sorted(clauses, key=place)


def _alter_table(table: QualifiedName | None, parts: list[str]) -> tuple[str, ...]:
    if table is None or not parts:
        return ()
    if len(parts) == 1:
        return (f"ALTER TABLE {table.sql} {parts[0]}",)
    return (f"ALTER TABLE {table.sql}\n    " + ",\n    ".join(parts),)


class DdlContext(Struct, frozen=True, kw_only=True):
    """What an alteration needs to know beyond the two objects.

    Attributes:
        desired, live: the catalogs that the objects are from.
        builder: the role that owns every desired object that says nothing else.
        declared: what the last deployment declared; None if that is unknown.
    """

    desired: Catalog
    live: Catalog
    builder: str = ""
    declared: Catalog | None = None

    @property
    def server(self) -> int:
        """server_version_num of the database that is altered."""
        return self.live.server or self.desired.server


def children_reached(table: Table, column: str, context: DdlContext) -> Iterator[tuple[Table, Column]]:
    """The tables that stay below `table`, with their desired form of its column: what ALTER TABLE reaches.

    A table that joins only now gets its columns ready by changes of its own.
    """
    former = {child.key for child in context.live.descendants(table.key)}
    for child in context.desired.descendants(table.key):
        found = child.column(column)
        if found is not None and child.key in former:
            yield child, found


def inherited_column(table: Table, column: str, catalog: Catalog) -> Column | None:
    """The column of a parent that `column` comes from (or merges with), or None."""
    found = (parent.column(column) for parent in catalog.parents(table))
    return next((column for column in found if column is not None), None)


def part_comment(place: str, part: Constraint | Trigger | Policy) -> Clause:
    """COMMENT ON CONSTRAINT, TRIGGER or POLICY; `place` is the relation, or DOMAIN and its name."""
    target = f"{type(part).__name__.upper()} {quote_ident(part.name)} ON {place}"
    return Clause(statement=comment_statement(target, part.comment), order=Order.COMMENT)


def find(parts: Iterable[Part], name: str, holder: CatalogObject) -> Part:
    """The column, constraint, index, … of that name.

    Raises:
        LookupError: the holder has none, so that the change belongs to another catalog.
    """
    for part in parts:
        if part.name == name:
            return part
    raise LookupError(f"{holder.key} has no {name}")
