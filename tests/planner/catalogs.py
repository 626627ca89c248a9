"""Small catalogs for tests of the diff: one database with every kind of object, and shorthands to change it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stonegate.model.catalog import (
    Access,
    Attribute,
    Catalog,
    Column,
    CompositeType,
    Constraint,
    DefaultPrivileges,
    Dependency,
    DomainType,
    EnumType,
    Extension,
    Index,
    OtherObject,
    OtherPart,
    Parameter,
    Policy,
    Privilege,
    RangeType,
    Routine,
    Schema,
    Sequence,
    SequenceOptions,
    Table,
    Trigger,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.planner.diff import Diff, differences

BUILDER = "app"
ACCESS = Access(owner=BUILDER)
OPTIONS = SequenceOptions(type="integer", start=1, increment=1, minimum=1, maximum=2147483647, cache=1, cycle=False)
TABLE = ObjectKey(ObjectKind.TABLE, "public", "users")


def diff(desired: Catalog, live: Catalog, **arguments: Any) -> Diff:
    """`differences` after a deployment of `live`, unless `declared` says otherwise."""
    arguments = {"declared": live, "builder": BUILDER} | arguments
    return differences(desired, live, **arguments)


def identities(found: Diff) -> list[str]:
    """The decisions of a diff, without their values."""
    return [change.identity for change in found.changes]


def index(name: str, listed: str, table: str = "public.users", *, unique: bool = False, **fields: Any) -> Index:
    """An index as pg_get_indexdef prints it."""
    head = "CREATE UNIQUE INDEX" if unique else "CREATE INDEX"
    on = f"ON {table} USING btree ({listed})"
    return Index(name=name, definition=f"{head} {name} {on}", shape=f"{head} {on}", unique=unique, **fields)


def check(name: str, expression: str, *columns: str, **fields: Any) -> Constraint:
    """A check constraint."""
    return Constraint(name=name, kind="check", definition=f"CHECK ({expression})", columns=columns, **fields)


def routine(name: str = "f", body: str = "SELECT 1", **fields: Any) -> Routine:
    """An SQL function with one parameter, `a integer`, unless `fields` say otherwise."""
    parameters = fields.pop("parameters", (Parameter(name="a", mode="in", type="integer"),))
    arguments = tuple(p.type for p in parameters if p.mode in ("in", "inout", "variadic"))
    returns, kind = fields.pop("returns", "integer"), fields.get("kind", "function")
    listed = ", ".join(f"{p.mode} {p.name} {p.type} {p.default}" for p in parameters)
    head = fields.pop(
        "head", f"CREATE OR REPLACE {kind.upper()} public.{name}({listed}) RETURNS {returns} LANGUAGE sql"
    )
    return Routine(
        schema="public",
        name=name,
        arguments=arguments,
        parameters=parameters,
        returns=returns,
        language="sql",
        head=head,
        body=body,
        definition=f"{head} AS $${body}$$",
        access=fields.pop("access", ACCESS),
        **fields,
    )


#: Every kind of value.
_USERS_COLUMNS = (
    Column(
        name="id",
        type="integer",
        not_null=True,
        default="nextval('public.users_id_seq'::regclass)",
        owned_sequence=QualifiedName("public", "users_id_seq"),
    ),
    Column(name="email", type="text", comment="an address", granted=(Privilege(grantee="web", privilege="SELECT"),)),
    Column(name="age", type="integer", default="0"),
    Column(
        name="number",
        type="integer",
        not_null=True,
        identity="always",
        identity_options=OPTIONS,
        identity_name=QualifiedName("public", "users_number_seq"),
        identity_access=Access(
            owner=BUILDER, comment="of number", granted=(Privilege(grantee="web", privilege="USAGE"),)
        ),
    ),
    Column(name="twice", type="integer", generated="(age * 2)", generated_kind="stored"),
)


def users(**fields: Any) -> Table:
    """The table `users`: every member kind, and columns with every kind of value."""
    table = Table(
        schema="public",
        name="users",
        columns=_USERS_COLUMNS,
        constraints=(
            Constraint(
                name="users_pkey",
                kind="primary key",
                definition="PRIMARY KEY (id)",
                columns=("id",),
                index="users_pkey",
            ),
            check("users_age_check", "(age >= 0)", "age"),
        ),
        indexes=(index("users_email_idx", "email", columns=("email",)),),
        triggers=(
            Trigger(
                name="touch",
                definition="CREATE TRIGGER touch BEFORE UPDATE ON public.users EXECUTE FUNCTION public.t()",
                routine=QualifiedName("public", "t"),
            ),
        ),
        policies=(Policy(name="own", permissive=True, command="ALL", roles=("public",), using="(age > 1)"),),
        row_security=True,
        access=ACCESS,
    )
    return replace(table, **fields)


_DOMAIN = DomainType(
    schema="public",
    name="email",
    base="text",
    constraints=(Constraint(name="email_check", kind="check", definition="CHECK ((VALUE <> ''::text))"),),
    access=ACCESS,
)
_VIEWS = (
    View(
        schema="public",
        name="adults",
        definition=" SELECT id,\n    email\n   FROM public.users",
        columns=(Column(name="id", type="integer"), Column(name="email", type="text")),
        access=ACCESS,
    ),
    View(
        schema="public",
        name="totals",
        materialized=True,
        definition=" SELECT count(*) AS n\n   FROM public.users",
        columns=(Column(name="n", type="bigint"),),
        indexes=(index("totals_n_idx", "n", "public.totals"),),
        access=ACCESS,
    ),
)
_CAST = OtherObject(
    kind="cast",
    identity="(a AS b)",
    definition="CREATE CAST x",
    parts=(OtherPart(sql="ADD y", undo="DROP y"),),
    creatable=True,
    drop="DROP x",
    owner="postgres",
)


def full() -> Catalog:
    """A database with one object of each kind."""
    return Catalog(
        server=180000,
        schemas=(Schema(name="public", access=Access(owner="pg_database_owner")), Schema(name="sales", access=ACCESS)),
        extensions=(Extension(name="citext", version="1.6", schema="public"),),
        enums=(EnumType(schema="public", name="mood", labels=("sad", "ok"), access=ACCESS),),
        composites=(
            CompositeType(
                schema="public", name="point3", attributes=(Attribute(name="x", type="integer"),), access=ACCESS
            ),
        ),
        domains=(_DOMAIN,),
        ranges=(RangeType(schema="public", name="span", definition="subtype = integer", access=ACCESS),),
        sequences=(
            Sequence(
                schema="public",
                name="users_id_seq",
                options=OPTIONS,
                owned_by=("public", "users", "id"),
                access=ACCESS,
            ),
            Sequence(schema="public", name="counter", options=OPTIONS, access=ACCESS),
        ),
        tables=(users(), Table(schema="public", name="other", columns=(Column(name="a", type="text"),), access=ACCESS)),
        views=_VIEWS,
        routines=(routine(),),
        default_privileges=(
            DefaultPrivileges(
                role=BUILDER, schema="", objects="tables", granted=(Privilege(grantee="web", privilege="SELECT"),)
            ),
        ),
        others=(_CAST,),
        dependencies=(
            Dependency(
                dependent=ObjectKey(ObjectKind.VIEW, "public", "adults"), on=TABLE.part(ObjectKind.COLUMN, "email")
            ),
            Dependency(dependent=TABLE.part(ObjectKind.COLUMN, "twice"), on=TABLE.part(ObjectKind.COLUMN, "age")),
        ),
    )


def with_table(table: Table, catalog: Catalog | None = None) -> Catalog:
    """A catalog with this table in the place of its namesake (or added)."""
    catalog = catalog or Catalog(server=180000)
    others = tuple(other for other in catalog.tables if other.key != table.key)
    return replace(catalog, tables=(*others, table))


def with_column(column: Column, table: Table | None = None) -> Table:
    """The table with this column in the place of its namesake (or appended)."""
    table = table or users()
    if table.column(column.name) is None:
        return replace(table, columns=(*table.columns, column))
    return replace(table, columns=tuple(column if own.name == column.name else own for own in table.columns))


def between(desired: Table, live: Table, **arguments: Any) -> Diff:
    """The diff of two forms of one table."""
    return diff(with_table(desired), with_table(live), **arguments)


def without_column(name: str, table: Table | None = None) -> Table:
    """The table without that column."""
    table = table or users()
    return replace(table, columns=tuple(column for column in table.columns if column.name != name))
