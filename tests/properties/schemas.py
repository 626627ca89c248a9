"""Random `postgresql/` folders: a schema drawn from small pools of names, and a second one a few mutations away.

The pools are small so that two schemas share most names, and odd so that quoting is always in play.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import strategies as st

from stonegate.model.names import quote_ident
from tests.properties.extras import EXTRAS, ROWS, extra_files

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


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    not_null: bool = False
    default: bool = False
    comment: str | None = None
    check: bool = False
    index: str = ""  # "", "index", "unique", "partial"


@dataclass(frozen=True)
class Table:
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


@dataclass(frozen=True)
class Schema:
    labels: tuple[str, ...] = ("calm", "glad")
    attributes: tuple[str, ...] = ("a integer", "b text")
    domain_limit: int = 0
    tables: tuple[Table, ...] = ()
    views: tuple[tuple[str, str, bool], ...] = ()  # (table, kind, security_invoker)
    routines: tuple[tuple[str, str], ...] = ()  # (variant, language)
    sequence: tuple[int, int] | None = None
    statistics: tuple[str, ...] = field(default=())
    extras: tuple[tuple[str, int], ...] = ()  # (kind, form), see extras.py


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


@st.composite
def _extras(draw: st.DrawFn) -> tuple[tuple[str, int], ...]:
    kinds = draw(st.lists(st.sampled_from(sorted(EXTRAS)), max_size=3, unique=True))
    return tuple((kind, draw(st.integers(0, len(EXTRAS[kind][1]) - 1))) for kind in kinds)


@st.composite
def _other_extras(draw: st.DrawFn, extras: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    """One kind more, one less, or one in another form."""
    kind = draw(st.sampled_from([kind for kind, _ in extras] or sorted(EXTRAS)))
    form = draw(st.integers(-1, len(EXTRAS[kind][1]) - 1))
    others = tuple(extra for extra in extras if extra[0] != kind)
    return others if form < 0 else (*others, (kind, form))


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """A whole schema."""
    names = draw(st.lists(st.sampled_from(TABLES), min_size=1, max_size=4, unique=True))
    made = tuple(draw(tables(name, tuple(names[:number]))) for number, name in enumerate(names))
    views = draw(
        st.lists(
            st.tuples(st.sampled_from(names), st.sampled_from(("view", "star", "materialized")), st.booleans()),
            max_size=3,
            unique_by=lambda view: view[:2],
        )
    )
    return Schema(
        labels=draw(st.sampled_from((("calm", "glad"), ("calm", "fine", "glad"), ("calm", "glad", "o'clock")))),
        attributes=draw(st.sampled_from((("a integer", "b text"), ("a integer", "b text", "c date")))),
        domain_limit=draw(st.sampled_from((0, -5))),
        tables=made,
        views=tuple(views),
        routines=tuple(
            draw(
                st.lists(
                    st.tuples(
                        st.sampled_from(("one", "two", "table", "default", "proc", "aggregate")),
                        st.sampled_from(("sql", "plpgsql")),
                    ),
                    max_size=4,
                    unique_by=lambda routine: routine[0],
                )
            )
        ),
        sequence=draw(st.sampled_from((None, (1, 1), (10, 5)))),
        statistics=tuple(draw(st.lists(st.sampled_from(names), max_size=1))),
        extras=draw(_extras()),
    )


@st.composite
def mutated(draw: st.DrawFn, schema: Schema) -> Schema:
    """The same schema after one to four changes of any kind."""
    for _ in range(draw(st.integers(1, 4))):
        schema = draw(_mutation(schema))
    return schema


@st.composite
def _mutation(draw: st.DrawFn, schema: Schema) -> Schema:
    kinds = ("column", "column", "table", "facet", "types", "views", "routines", "sequence", "extras", "extras")
    match draw(st.sampled_from(kinds)):
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
            other = draw(schemas())
            return replace(schema, labels=other.labels, attributes=other.attributes, domain_limit=other.domain_limit)
        case "views":
            names = {table.name for table in schema.tables}
            return replace(schema, views=tuple(view for view in draw(schemas()).views if view[0] in names))
        case "routines":
            return replace(schema, routines=draw(schemas()).routines)
        case "extras":
            return replace(schema, extras=draw(_other_extras(schema.extras)))
        case _:
            return replace(schema, sequence=draw(schemas()).sequence)


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


# --- as files ------------------------------------------------------------------------------------------------------


def write_schema(schema: Schema, root: Path) -> Path:
    """Writes the schema as a `postgresql/` folder below `root` and returns that folder."""
    folder = root / "postgresql"
    files = {
        "types/mood.sql": f"CREATE TYPE mood AS ENUM ({', '.join(_text(label) for label in schema.labels)});\n",
        "types/pair.sql": f"CREATE TYPE pair AS ({', '.join(schema.attributes)});\n",
        "types/positive.sql": f"CREATE DOMAIN positive AS integer CHECK (VALUE > {schema.domain_limit});\n",
        "tables/.keep": "",
        "views/.keep": "",
        "functions/.keep": "",
        "triggers/.keep": "",
    }
    for number, table in enumerate(schema.tables):
        files[f"tables/{9 - number}_{number}.sql"] = table_sql(table)
    if schema.sequence is not None:
        start, increment = schema.sequence
        files["tables/ticket.sql"] = f"CREATE SEQUENCE ticket START {start} INCREMENT {increment};\n"
    for name in schema.statistics:
        files["tables/statistics.sql"] = f"CREATE STATISTICS st ON id, parent_id FROM {quote_ident(name)};\n"
    for table_name, kind, invoker in schema.views:
        files[f"views/{kind}_{TABLES.index(table_name)}.sql"] = view_sql(schema, table_name, kind, invoker)
    for variant, language in schema.routines:
        files[f"functions/{variant}.sql"] = routine_sql(variant, language)
    if any(table.trigger for table in schema.tables):
        files["functions/touch.sql"] = (
            "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
        )
    files |= extra_files(schema.extras)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.name != ".keep":
            target.write_text(text)
    return folder


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def table_sql(table: Table) -> str:
    """The statements of one table's file."""
    name = quote_ident(table.name)
    key = {
        "serial": "id serial PRIMARY KEY",
        "identity": "id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        "plain": "id integer PRIMARY KEY",
    }[table.key]
    parts = [
        key,
        "parent_id integer"
        if table.parent is None
        else f"parent_id integer REFERENCES {quote_ident(table.parent)}(id)",
    ]
    after: list[str] = []
    for column in table.columns:
        parts.append(column_sql(column))
        quoted = quote_ident(column.name)
        if column.comment:
            after.append(f"COMMENT ON COLUMN {name}.{quoted} IS {_text(column.comment)};")
        if column.index and column.type in COMPARABLE:
            where = " WHERE id > 0" if column.index == "partial" else ""
            unique = "UNIQUE " if column.index == "unique" else ""
            after.append(f"CREATE {unique}INDEX ON {name} ({quoted}, id){where};")
    if table.generated:
        parts.append("doubled integer GENERATED ALWAYS AS (id * 2) STORED")
    options = " WITH (fillfactor=70)" if table.options else ""
    if table.comment:
        after.append(f"COMMENT ON TABLE {name} IS {_text(table.comment)};")
    if table.row_security:
        after.append(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;")
        after.append(f"CREATE POLICY everyone ON {name} FOR SELECT USING (id > 0);")
    if table.trigger:
        after.append(
            f"CREATE TRIGGER touch BEFORE UPDATE OF parent_id ON {name} FOR EACH ROW EXECUTE FUNCTION touch();"
        )
    if table.grant:
        after.append(f"GRANT SELECT ON {name} TO PUBLIC;")
    body = ",\n    ".join(parts)
    return f"CREATE TABLE {name} (\n    {body}\n){options};\n" + "\n".join(after) + "\n"


def column_sql(column: Column) -> str:
    """One column definition."""
    text = f"{quote_ident(column.name)} {column.type}"
    if column.default and column.type != "pair":
        text += f" DEFAULT {LITERALS[column.type]}"
    if column.not_null:
        text += " NOT NULL"
    if column.check and column.type in ("integer", "bigint", "smallint", "numeric(10,2)", "numeric(14,2)"):
        text += f" CHECK ({quote_ident(column.name)} >= 0)"
    return text


def view_sql(schema: Schema, table_name: str, kind: str, invoker: bool) -> str:
    """A view that shows every column, by name or by a star, or a materialised one with an index."""
    table = next(table for table in schema.tables if table.name == table_name)
    quoted = quote_ident(table_name)
    name = quote_ident(f"{kind} of {table_name}")
    names = ", ".join(["id", "parent_id", *(quote_ident(column.name) for column in table.columns)])
    match kind:
        case "materialized":
            made = f"CREATE MATERIALIZED VIEW {name} AS SELECT {names} FROM {quoted};\n"
            return made + f"CREATE UNIQUE INDEX ON {name} (id);\n"
        case "star":
            return f"CREATE VIEW {name} AS SELECT * FROM {quoted};\n"
        case _:
            options = " WITH (security_invoker=true)" if invoker else ""
            return f"CREATE VIEW {name}{options} AS SELECT {names} FROM {quoted} WHERE id > 0;\n"


def routine_sql(variant: str, language: str) -> str:
    """A routine; the variants differ in kind, parameters and result."""
    body = {"sql": "SELECT 1", "plpgsql": "BEGIN RETURN 1; END"}[language]
    match variant:
        case "one":
            return f"CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE {language} AS $$ {body} $$;\n"
        case "two":
            head = f"CREATE FUNCTION g(a integer, b text DEFAULT 'x') RETURNS bigint LANGUAGE {language}"
            return f"{head} AS $$ {body}{'::bigint' if language == 'sql' else ''} $$;\n"
        case "table":
            inner = "SELECT 1, 'x'::text" if language == "sql" else "BEGIN RETURN QUERY SELECT 1, 'x'::text; END"
            return (
                f"CREATE FUNCTION h() RETURNS TABLE (n integer, t text) LANGUAGE {language} STABLE AS $$ {inner} $$;\n"
            )
        case "default":
            head = f"CREATE FUNCTION f(a text, m mood DEFAULT 'calm') RETURNS integer LANGUAGE {language}"
            return f"{head} AS $$ {body} $$;\n"
        case "proc":
            inner = "SELECT 1" if language == "sql" else "BEGIN PERFORM 1; END"
            return f"CREATE PROCEDURE p(a integer) LANGUAGE {language} AS $$ {inner} $$;\n"
        case _:
            return "CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');\n"


def rows_sql(schema: Schema, number: int = 3) -> str:
    """INSERTs of a few rows into every table, parents first."""
    statements: list[str] = []
    for table in schema.tables:
        names = ["id", "parent_id", *(quote_ident(column.name) for column in table.columns)]
        for row in range(1, number + 1):
            values = [str(row), "NULL" if table.parent is None else str(row)]
            values += [LITERALS[column.type] if column.not_null or row % 2 else "NULL" for column in table.columns]
            statements.append(
                f"INSERT INTO {quote_ident(table.name)} ({', '.join(names)}) VALUES ({', '.join(values)});"
            )
    statements += [ROWS[kind] for kind, _ in schema.extras if kind in ROWS]
    return "\n".join(statements)
