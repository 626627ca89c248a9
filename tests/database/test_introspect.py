"""Introspection of schemas, types, tables, views and routines, each property once, on each version."""

from __future__ import annotations

import psycopg
import pytest

from stonegate.model.catalog import (
    Access,
    Attribute,
    Catalog,
    Column,
    Constraint,
    Extension,
    Parameter,
    Policy,
    Privilege,
    SequenceOptions,
)
from stonegate.model.names import ObjectKind, QualifiedName
from tests.convergence import catalog_of
from tests.database.rich import READER, SALES, named, other, rich_catalog, routine, table, view
from tests.servers import Database, Server


@pytest.fixture
def catalog(any_server: Server) -> Catalog:
    return rich_catalog(any_server)


def test_schemas_and_extensions(catalog: Catalog) -> None:
    assert [schema.name for schema in catalog.schemas] == [SALES, "public"]
    assert catalog.schemas[0].access == Access(
        owner="postgres", comment="of the sales department", granted=(Privilege(grantee=READER, privilege="USAGE"),)
    )
    assert catalog.extensions == (
        Extension(name="plpgsql", version="1.0", schema="pg_catalog", comment="PL/pgSQL procedural language"),
    )


def test_enums_in_their_order(catalog: Catalog) -> None:
    (mood,) = catalog.enums
    assert mood.labels == ("sad", "so so", "ok", 'it\'s "fine"')
    assert mood.access.revoked == (Privilege(grantee="", privilege="USAGE"),)
    assert mood.access.granted == (Privilege(grantee=READER, privilege="USAGE"),)


def test_composites_domains_and_ranges(catalog: Catalog) -> None:
    (point,) = catalog.composites
    assert point.attributes == (
        Attribute(name="x", type="integer"),
        Attribute(name="Y", type="numeric(8,2)", comment="upwards"),
        Attribute(name="label", type="text", collation='pg_catalog."C"'),
    )
    (code,) = catalog.domains
    assert (code.base, code.collation, code.not_null) == ("character varying(8)", 'pg_catalog."C"', True)
    assert code.default == "'none'::character varying"
    assert [(check.name, check.comment) for check in code.constraints] == [
        ("Lower", None),
        ("short_code_filled", "never empty"),
    ]
    assert [(span.name, span.definition) for span in catalog.ranges] == [
        ("minutes", "subtype = time without time zone, multirange_type_name = public.minutes_multirange"),
        ("text_span", 'subtype = text, collation = pg_catalog."C", multirange_type_name = public.text_spans'),
    ]


def test_sequences(catalog: Catalog) -> None:
    invoice, customer = catalog.sequences
    assert (invoice.schema, invoice.name, invoice.owned_by) == (SALES, "invoice_number", (SALES, "invoice", "number"))
    assert invoice.options == SequenceOptions(
        type="integer", start=1000, increment=5, minimum=10, maximum=9999, cache=7, cycle=True
    )
    assert invoice.access.granted == (Privilege(grantee=READER, privilege="SELECT", grantable=True),)
    assert customer.owned_by == ("public", "customer", "id")


def test_columns(catalog: Catalog) -> None:
    columns = table(catalog, "customer").columns
    assert [column.name for column in columns[-2:]] == ["note", "late"]
    assert named(columns, "id") == Column(
        name="id",
        type="integer",
        not_null=True,
        default="nextval('public.customer_id_seq'::regclass)",
        owned_sequence=QualifiedName("public", "customer_id_seq"),
        granted=(Privilege(grantee=READER, privilege="REFERENCES"),),
    )
    big = named(columns, "big")
    assert (big.identity, big.default, big.owned_sequence) == ("always", None, None)
    assert big.identity_options == SequenceOptions(
        type="bigint", start=10, increment=2, minimum=1, maximum=5000, cache=3, cycle=True
    )
    assert big.identity_name == QualifiedName("public", "customer_big_seq")
    assert big.identity_access == Access(
        owner="postgres", comment="of big", granted=(Privilege(grantee=READER, privilege="USAGE"),)
    )
    assert named(columns, "small").identity == "by default"
    assert named(columns, "name") == Column(
        name="name",
        type="text",
        collation='pg_catalog."C"',
        not_null=True,
        default="('no one'::text || chr(33))",
        statistics=250,
        comment="full name",
        granted=(Privilege(grantee=READER, privilege="UPDATE"),),
    )
    slug = named(columns, "slug")
    assert (slug.generated, slug.generated_kind, slug.default) == ("public.slug(name)", "stored", None)
    assert slug.compression == "pglz"
    assert [named(columns, name).type for name in ("moods", "code", "place", "Order")] == [
        "public.mood[]",
        "public.short_code",
        '"Sales Dept"."Point"',
        "character varying(40)[]",
    ]
    assert named(columns, "price").options == ("n_distinct=-0.5",)
    assert named(columns, "note").storage == "external"
    number = named(table(catalog, "invoice", SALES).columns, "number")
    assert number.owned_sequence == QualifiedName(SALES, "invoice_number")


def test_constraints(catalog: Catalog) -> None:
    constraints = table(catalog, "customer").constraints
    assert named(constraints, "customer_name_key") == Constraint(
        name="customer_name_key",
        kind="unique",
        definition="UNIQUE (name, price) INCLUDE (note) WITH (fillfactor=70) DEFERRABLE INITIALLY DEFERRED",
        columns=("name", "price"),
        index="customer_name_key",
    )
    check = named(constraints, "Check Me")
    assert (check.columns, check.comment) == (("price", "name"), "a check")
    assert check.definition.endswith("public.slug(name)))) NO INHERIT")
    assert named(constraints, "later").definition == "CHECK ((late <> ''::text)) NOT VALID"
    assert all(constraint.name != "late" for constraint in constraints), "a constraint trigger is one of the triggers"
    invoice = table(catalog, "invoice", SALES).constraints
    assert named(invoice, "invoice_customer_id_fkey") == Constraint(
        name="invoice_customer_id_fkey",
        kind="foreign key",
        definition="FOREIGN KEY (customer_id) REFERENCES public.customer(id) "
        "ON UPDATE SET NULL ON DELETE CASCADE DEFERRABLE",
        columns=("customer_id",),
        references=QualifiedName("public", "customer"),
    )
    assert named(invoice, "invoice_key").replica_identity
    exclusion = named(invoice, "invoice_period_excl")
    assert (exclusion.kind, exclusion.definition) == (
        "exclusion",
        "EXCLUDE USING gist (period WITH &&) WHERE ((room > 0))",
    )


def test_indexes(catalog: Catalog) -> None:
    mood, slug = (
        next(index for index in table(catalog, "customer").indexes if index.name == name)
        for name in ("customer_mood", "Customer Slug")
    )
    assert mood.columns == ("mood", "price", "note", "late")
    assert mood.shape == (
        "CREATE INDEX ON public.customer USING btree (mood, price DESC NULLS LAST) "
        "INCLUDE (note) WHERE (late IS NOT NULL)"
    )
    assert mood.definition == mood.shape.replace("INDEX ON", "INDEX customer_mood ON")
    assert (mood.comment, mood.unique, mood.valid) == ("by mood", False, True)
    assert slug.definition.startswith('CREATE UNIQUE INDEX "Customer Slug" ON public.customer ')
    assert slug.shape.startswith("CREATE UNIQUE INDEX ON public.customer USING btree (lower(name) text_pattern_ops")
    assert slug.definition.endswith("NULLS NOT DISTINCT")
    assert (slug.unique, slug.clustered, slug.statistics, slug.columns) == (True, True, ((2, 300),), ("name", "price"))


def test_triggers_and_policies(catalog: Catalog) -> None:
    triggers = table(catalog, "customer").triggers
    touch = named(triggers, "touch")
    assert touch.columns == ("name", "price", "note")
    assert touch.routine == QualifiedName("public", "touch")
    assert touch.comment == "touches"
    assert touch.definition.endswith("EXECUTE FUNCTION public.touch('a', 'b''c')")
    assert named(triggers, "Off").enabled == "D"
    assert named(triggers, "late").definition.startswith("CREATE CONSTRAINT TRIGGER late")
    own, everyone = (named(table(catalog, "invoice", SALES).policies, name) for name in ("own", "Read All"))
    assert own == Policy(
        name="own",
        permissive=False,
        command="UPDATE",
        roles=(READER, "rich_writer"),
        using='("user" = CURRENT_USER)',
        check="(room IS NOT NULL)",
        comment="own rows",
    )
    assert (everyone.roles, everyone.command, everyone.permissive) == (("public",), "ALL", True)


def test_properties_of_tables(catalog: Catalog) -> None:
    customer = table(catalog, "customer")
    assert customer.options == ("autovacuum_enabled=false", "fillfactor=80", "toast.autovacuum_enabled=false")
    assert customer.access.comment == "who buys"
    assert customer.access.granted == (
        Privilege(grantee="", privilege="UPDATE"),
        Privilege(grantee=READER, privilege="INSERT"),
        Privilege(grantee=READER, privilege="SELECT"),
    )
    invoice = table(catalog, "invoice", SALES)
    assert (invoice.row_security, invoice.force_row_security, invoice.replica_identity) == (True, True, "i")
    assert table(catalog, "scratch").unlogged
    assert table(catalog, "elsewhere_kept").access_method == "heap_again"
    assert table(catalog, "typed").of_type == QualifiedName(SALES, "Point")
    remote = table(catalog, "remote")
    assert (remote.kind, remote.options, remote.replica_identity) == (
        "foreign table",
        ("fdw.table_name=T", "server=elsewhere"),
        "d",
    )
    assert remote.columns[0].options == ("fdw.column_name=ID",)


def test_inheritance(catalog: Catalog) -> None:
    derived = table(catalog, "derived")
    assert derived.inherits == (QualifiedName("public", "base"), QualifiedName("public", "second_base"))
    assert derived.access.owner == "rich_writer"
    assert [(column.name, column.inherited) for column in derived.columns] == [
        ("id", True),
        ("label", False),
        ("extra", True),
        ("own", False),
    ]
    assert [(check.name, check.inherited) for check in derived.constraints] == [("base_id_check", True)]


def test_partitions(catalog: Catalog) -> None:
    parent, child, rest = (table(catalog, name) for name in ("measure", "measure_2024", "measure_rest"))
    assert (parent.kind, parent.partition_key, parent.partition_of) == ("partitioned table", "RANGE (at)", None)
    assert child.partition_of == QualifiedName("public", "measure")
    assert child.partition_bound == "FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"
    assert (rest.kind, rest.partition_bound, rest.partition_key) == ("partitioned table", "DEFAULT", "LIST (site)")
    assert child.inherits == () and all(column.inherited for column in child.columns)
    assert parent.indexes[0].definition == "CREATE INDEX measure_value ON public.measure USING btree (value)"
    assert not parent.indexes[0].inherited and child.indexes[0].inherited
    assert all(constraint.inherited for constraint in child.constraints + rest.constraints)
    assert [trigger.name for trigger in parent.triggers] == ["each"] and child.triggers == ()
    # A foreign key to a partitioned table is one constraint, not one for each partition.
    assert [key.name for key in table(catalog, "measure_note").constraints] == ["measure_note_at_site_fkey"]
    state = other(catalog, "trigger state", "each on public.measure_2024")
    assert (state.definition, state.drop) == (
        "ALTER TABLE public.measure_2024 DISABLE TRIGGER each",
        "ALTER TABLE public.measure_2024 ENABLE TRIGGER each",
    )


def test_views(catalog: Catalog) -> None:
    plain = view(catalog, "customer_view")
    assert plain.options == ("check_option=local", "security_barrier=true", "security_invoker=true")
    assert plain.definition.strip().startswith("SELECT ") and not plain.definition.endswith(";")
    assert "FROM public.customer" in plain.definition
    assert named(plain.columns, "mood").default == "'sad'::public.mood"
    assert named(plain.columns, "name").comment == "a column of a view"
    assert named(plain.columns, "name").granted == (Privilege(grantee=READER, privilege="SELECT"),)
    assert [trigger.name for trigger in plain.triggers] == ["instead"]
    totals = view(catalog, "totals")
    assert (totals.materialized, totals.options) == (True, ("fillfactor=50",))
    assert [index.name for index in totals.indexes] == ["totals_mood"]
    assert totals.key.kind is ObjectKind.MATERIALIZED_VIEW


def test_functions(catalog: Catalog) -> None:
    found = routine(catalog, "everything", "integer", "text", "numeric[]")
    assert found.parameters == (
        Parameter(name="a", mode="in", type="integer"),
        Parameter(name="b", mode="inout", type="text", default="'x,y'::text"),
        Parameter(name="c", mode="variadic", type="numeric[]", default="'{1}'::numeric[]"),
        Parameter(name="d", mode="out", type="public.mood"),
    )
    assert (found.returns, found.returns_set, found.language, found.security_definer) == (
        "SETOF record",
        True,
        "plpgsql",
        True,
    )
    assert found.body == " BEGIN RETURN NEXT; END "
    assert found.head.endswith("SET search_path TO 'public', 'Sales Dept'\n SET work_mem TO '8MB'")
    assert found.definition == f"{found.head}\nAS $function${found.body}$function$"
    assert found.access == Access(
        owner="postgres",
        comment="all of it",
        granted=(Privilege(grantee=READER, privilege="EXECUTE", grantable=True),),
        revoked=(Privilege(grantee="", privilege="EXECUTE"),),
    )


def test_bodies_of_other_kinds(catalog: Catalog) -> None:
    atomic = routine(catalog, "everything")
    assert atomic.body == "" and atomic.head == atomic.definition and atomic.head.endswith("\nEND")
    assert atomic.returns == 'TABLE(id integer, "Name" text)'
    assert [parameter.mode for parameter in atomic.parameters] == ["table", "table"]
    dollars = routine(catalog, "dollars")
    assert dollars.body == "SELECT '$function$ é $functionx$'"
    assert dollars.definition == f"{dollars.head}\nAS $functionxx${dollars.body}$functionxx$"
    procedure = routine(catalog, "Do It", "integer", "public.mood[]")
    assert (procedure.kind, procedure.returns) == ("procedure", "")
    assert procedure.definition == f"{procedure.head}\nAS $procedurex${procedure.body}$procedurex$"
    window = routine(catalog, "win", "integer")
    assert (window.kind, window.body) == ("window function", "window_row_number")


def test_aggregates(catalog: Catalog) -> None:
    assert routine(catalog, "total", "integer").definition == (
        "CREATE OR REPLACE AGGREGATE public.total(integer) (SFUNC = public.state, STYPE = integer, SSPACE = 16, "
        "FINALFUNC = public.finish, FINALFUNC_EXTRA, FINALFUNC_MODIFY = SHAREABLE, COMBINEFUNC = public.state, "
        "INITCOND = '0', MSFUNC = public.state, MINVFUNC = public.unstate, MSTYPE = integer, MSSPACE = 32, "
        "MFINALFUNC = public.finish, MFINALFUNC_EXTRA, MFINALFUNC_MODIFY = READ_WRITE, "
        "MINITCOND = '1', PARALLEL = SAFE)"
    )
    assert "SORTOP = OPERATOR(pg_catalog.<)" in routine(catalog, "smallest", "integer").definition
    middle = routine(catalog, "middle", "double precision", "anyelement")
    assert "(double precision ORDER BY anyelement)" in middle.definition and "MODIFY" not in middle.definition
    assert routine(catalog, "place", '"any"').definition.endswith("HYPOTHETICAL)")
    assert "public.how_many(*)" in routine(catalog, "how_many").definition


@pytest.mark.parametrize(
    "definition",
    [
        "FUNCTION f(a integer, b text DEFAULT 'x') RETURNS integer LANGUAGE plpgsql AS $$ {} $$",
        "FUNCTION f(a integer, b text DEFAULT 'x') RETURNS integer LANGUAGE plpgsql AS ' {} $function$ é'",
        "PROCEDURE f(a integer, b text DEFAULT 'x') LANGUAGE plpgsql AS ' {} /* $procedure$ $procedurex$ */'",
    ],
)
def test_heads_are_equal_if_and_only_if_all_but_the_body_is(any_database: Database, definition: str) -> None:
    heads = []
    with psycopg.connect(any_database.url, autocommit=True) as connection:
        connection.execute("SET check_function_bodies = off")
        variants = (
            definition.format("BEGIN END"),
            definition.format("BEGIN ü; END"),
            definition.replace("'x'", "'y'"),
            definition.replace("plpgsql AS", "plpgsql SET work_mem = '1MB' AS"),
        )
        for variant in variants:
            connection.execute(f"CREATE OR REPLACE {variant}".encode())
            heads.append(routine(catalog_of(any_database.url), "f", "integer", "text").head)
    assert heads[0] == heads[1]
    assert len(set(heads)) == 3
    assert heads[0].splitlines()[-1].strip() == "LANGUAGE plpgsql"
