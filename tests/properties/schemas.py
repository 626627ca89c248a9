"""Random schemas, drawn from small pools of names, and what becomes of them in a few releases.

The pools are small so that two schemas share most names, and odd so that quoting is always in play.
"""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import Struct, field
from msgspec.structs import replace

from tests.properties.kinds import KINDS

#: How often a schema of a story changes.
RELEASES = 4

TABLES = ("account", "Order", "line item", "user")
COLUMNS = ("name", "Amount", "state", "when", "note", "ratio", "tags", "doc")
TYPES = (
    "integer",
    "bigint",
    "smallint",
    "text",
    "varchar(20)",
    "varchar(60)",
    "numeric(10,2)",
    "numeric(14,2)",
    "boolean",
    "date",
    "timestamptz",
    "jsonb",
    "text[]",
    "uuid",
    "double precision",
    "mood",
    "positive",
    "pair",
)
#: For each type a literal that fits it, for defaults and rows.
LITERALS = {
    "integer": "7",
    "bigint": "7000000000",
    "smallint": "7",
    "text": "'it''s text'",
    "varchar(20)": "'short'",
    "varchar(60)": "'a longer text'",
    "numeric(10,2)": "12.50",
    "numeric(14,2)": "99.25",
    "boolean": "true",
    "date": "'2024-02-29'",
    "timestamptz": "'2024-02-29 12:00+00'",
    "jsonb": "'{\"a\": [1, null]}'",
    "text[]": "'{a,\"b c\"}'",
    "uuid": "'6f1c2b52-92a1-4c6b-8c2e-0a7b9f3d1e55'",
    "double precision": "0.5",
    "mood": "'calm'",
    "positive": "3",
    "pair": """json_populate_record(NULL::pair, '{"a": 1, "b": "x"}')""",
}
COMPARABLE = frozenset(TYPES) - {"jsonb", "pair"}


class Column(Struct, frozen=True):
    name: str
    type: str
    not_null: bool = False
    default: bool = False
    comment: str | None = None
    check: bool = False
    index: str = ""  # "", "index", "unique", "partial"


class Table(Struct, frozen=True):
    name: str
    key: str  # "serial", "identity", "plain"
    columns: tuple[Column, ...] = ()
    parent: str | None = None
    generated: bool = False
    comment: str | None = None
    row_security: bool = False
    trigger: bool = False
    options: bool = False
    grant: bool = False


class Schema(Struct, frozen=True):
    labels: tuple[str, ...] = ("calm", "glad")
    attributes: tuple[str, ...] = ("a integer", "b text")
    domain_limit: int = 0
    tables: tuple[Table, ...] = ()
    views: tuple[tuple[str, str, bool], ...] = ()  # (table, kind, security_invoker)
    routines: tuple[tuple[str, str], ...] = ()  # (variant, language)
    sequence: tuple[int, int] | None = None
    statistics: tuple[str, ...] = field(default=())
    kinds: tuple[tuple[str, int], ...] = ()  # (kind, number of its form)

    def with_kind(self, kind: str, form: int | None) -> Schema:
        """The same schema with that form of the kind, or without the kind."""
        others = tuple(one for one in self.kinds if one[0] != kind)
        return replace(self, kinds=others if form is None else (*others, (kind, form)))


columns = st.builds(
    Column,
    name=st.sampled_from(COLUMNS),
    type=st.sampled_from(TYPES),
    not_null=st.booleans(),
    default=st.booleans(),
    comment=st.sampled_from((None, "a comment", "it's another")),
    check=st.booleans(),
    index=st.sampled_from(("", "", "", "index", "unique", "partial")),
)


@st.composite
def tables(draw: st.DrawFn, name: str, parents: tuple[str, ...]) -> Table:
    """A table of that name which may refer to one of `parents`."""
    drawn = draw(st.lists(columns, min_size=1, max_size=5, unique_by=lambda column: column.name))
    return Table(
        name=name,
        key=draw(st.sampled_from(("serial", "identity", "plain"))),
        columns=tuple(drawn),
        parent=draw(st.sampled_from((None, *parents))),
        generated=draw(st.booleans()),
        comment=draw(st.sampled_from((None, "a table"))),
        row_security=draw(st.booleans()),
        trigger=draw(st.booleans()),
        options=draw(st.booleans()),
        grant=draw(st.booleans()),
    )


#: What may come and go in any order; the protagonist of a story may be any kind.
_ANY_ORDER = sorted(name for name, kind in KINDS.items() if not kind.in_order)


@st.composite
def _kinds(draw: st.DrawFn) -> tuple[tuple[str, int], ...]:
    kinds = draw(st.lists(st.sampled_from(_ANY_ORDER), max_size=3, unique=True))
    return tuple((kind, draw(st.integers(0, len(KINDS[kind].forms) - 1))) for kind in kinds)


_views = st.tuples(st.sampled_from(TABLES), st.sampled_from(("view", "star", "materialized")), st.booleans())
_routines = st.lists(
    st.tuples(
        st.sampled_from(("one", "two", "table", "default", "proc", "aggregate")), st.sampled_from(("sql", "plpgsql"))
    ),
    max_size=4,
    unique_by=lambda routine: routine[0],
).map(tuple)
#: One may follow another that is part of it; labels that go are the business of the kind "enum".
_LABELS = (
    ("calm", "glad"),
    ("calm", "fine", "glad"),
    ("calm", "glad", "o'clock"),
    ("calm", "fine", "glad", "o'clock"),
)
_attributes = st.sampled_from((("a integer", "b text"), ("a integer", "b text", "c date")))
_limits = st.sampled_from((0, -5))
_sequences = st.sampled_from((None, (1, 1), (10, 5)))


def _more_labels(labels: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sampled_from([more for more in _LABELS if set(labels) <= set(more)])


@st.composite
def _some_views(draw: st.DrawFn, names: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...]:
    drawn = draw(st.lists(_views, max_size=4, unique_by=lambda view: view[:2]))
    return tuple(view for view in drawn if view[0] in names)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """A whole schema."""
    names = draw(st.lists(st.sampled_from(TABLES), min_size=1, max_size=4, unique=True))
    return Schema(
        labels=draw(st.sampled_from(_LABELS)),
        attributes=draw(_attributes),
        domain_limit=draw(_limits),
        tables=tuple(draw(tables(name, tuple(names[:number]))) for number, name in enumerate(names)),
        views=draw(_some_views(tuple(names))),
        routines=draw(_routines),
        sequence=draw(_sequences),
        statistics=tuple(draw(st.lists(st.sampled_from(names), max_size=1))),
        kinds=draw(_kinds()),
    )


@st.composite
def stories(draw: st.DrawFn, kind: str) -> tuple[Schema, ...]:
    """A schema and its next releases, each a few changes away: in the first that kind comes, in the last it goes.

    A kind whose forms follow each other takes them in turn, and stays if it has as many as there are releases.
    """
    forms = list(range(len(KINDS[kind].forms)))
    turns: list[int | None]
    if KINDS[kind].in_order:
        turns = [*forms, None]
    else:
        first = draw(st.sampled_from(forms))
        second = draw(st.sampled_from([form for form in forms if form != first]))
        turns = [first, second, draw(st.sampled_from([form for form in forms if form != second])), None]
    schema = draw(schemas()).with_kind(kind, None)
    told = [schema]
    for form in turns[:RELEASES]:
        schema = draw(mutated(schema)).with_kind(kind, form)
        told.append(schema)
    return tuple(told)


@st.composite
def mutated(draw: st.DrawFn, schema: Schema) -> Schema:
    """The same schema after up to three changes of any kind."""
    for _ in range(draw(st.integers(0, 3))):
        schema = draw(_mutation(schema))
    return schema


@st.composite
def _mutation(draw: st.DrawFn, schema: Schema) -> Schema:
    places = ("column", "column", "table", "facet", "types", "views", "routines", "sequence", "kind", "kind")
    match draw(st.sampled_from(places)):
        case "column" if schema.tables:
            number = draw(st.integers(0, len(schema.tables) - 1))
            return _with_table(schema, number, draw(_column_mutation(schema.tables[number])))
        case "table":
            return draw(_table_mutation(schema))
        case "facet" if schema.tables:
            number = draw(st.integers(0, len(schema.tables) - 1))
            table = schema.tables[number]
            changes = (
                replace(table, generated=not table.generated),
                replace(table, comment=None if table.comment else "a table"),
                replace(table, row_security=not table.row_security),
                replace(table, trigger=not table.trigger),
                replace(table, options=not table.options),
                replace(table, key=draw(st.sampled_from(("serial", "identity", "plain")))),
                replace(table, parent=None),
            )
            return _with_table(schema, number, draw(st.sampled_from(changes)))
        case "types":
            return replace(
                schema,
                labels=draw(_more_labels(schema.labels)),
                attributes=draw(_attributes),
                domain_limit=draw(_limits),
            )
        case "views":
            return replace(schema, views=draw(_some_views(tuple(table.name for table in schema.tables))))
        case "routines":
            return replace(schema, routines=draw(_routines))
        case "kind":
            kind = draw(st.sampled_from([name for name, _ in schema.kinds if name in _ANY_ORDER] or _ANY_ORDER))
            form = draw(st.integers(-1, len(KINDS[kind].forms) - 1))
            return schema.with_kind(kind, None if form < 0 else form)
        case _:
            return replace(schema, sequence=draw(_sequences))


@st.composite
def _column_mutation(draw: st.DrawFn, table: Table) -> Table:
    new = draw(columns)
    names = [column.name for column in table.columns]
    choice = draw(st.sampled_from(("add", "drop", "change")))
    if choice == "drop" and len(names) > 1:
        gone = draw(st.sampled_from(names))
        return replace(table, columns=tuple(column for column in table.columns if column.name != gone))
    if new.name in names:
        return replace(table, columns=tuple(new if column.name == new.name else column for column in table.columns))
    if choice == "add":
        return replace(table, columns=(*table.columns, new))
    old = draw(st.sampled_from(names))
    return replace(
        table,
        columns=tuple(replace(new, name=old) if column.name == old else column for column in table.columns),
    )


@st.composite
def _table_mutation(draw: st.DrawFn, schema: Schema) -> Schema:
    names = [table.name for table in schema.tables]
    free = [name for name in TABLES if name not in names]
    if free and draw(st.booleans()):
        return replace(schema, tables=(*schema.tables, draw(tables(free[0], tuple(names)))))
    if len(names) < 2:
        return schema
    gone = draw(st.sampled_from(names))
    left = tuple(
        replace(table, parent=None) if table.parent == gone else table for table in schema.tables if table.name != gone
    )
    return replace(
        schema,
        tables=left,
        views=tuple(view for view in schema.views if view[0] != gone),
        statistics=tuple(name for name in schema.statistics if name != gone),
    )


def _with_table(schema: Schema, number: int, table: Table) -> Schema:
    return replace(schema, tables=(*schema.tables[:number], table, *schema.tables[number + 1 :]))
