"""Introspection of everything else: privileges, objects held as text, dependencies, and what must not be seen."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from stonegate.model.catalog import Access, Catalog, Dependency, Privilege
from stonegate.model.json_form import from_json, to_json
from stonegate.model.names import ObjectKey, ObjectKind, routine_key
from tests.convergence import catalog_of
from tests.database.rich import (
    CUSTOMER,
    MOOD,
    POINT,
    READER,
    SALES,
    SCRIPT,
    named,
    other,
    rich_catalog,
    rich_template,
    routine,
    table,
)
from tests.servers import MakeDatabase, Server


@pytest.fixture
def catalog(any_server: Server) -> Catalog:
    return rich_catalog(any_server)


def test_default_privileges(catalog: Catalog) -> None:
    found = {(entry.schema, entry.objects): entry for entry in catalog.default_privileges}
    assert found["", "functions"].revoked == (Privilege(grantee="", privilege="EXECUTE"),)
    assert found["", "sequences"].granted == (Privilege(grantee=READER, privilege="USAGE", grantable=True),)
    assert found[SALES, "tables"].granted == (Privilege(grantee=READER, privilege="SELECT"),)
    assert {entry.role for entry in catalog.default_privileges} == {"rich_writer"}


def test_others_are_all_there(catalog: Catalog) -> None:
    assert {(found.kind, found.identity) for found in catalog.others} == {
        ("access method", "heap_again"),
        ("cast", '(integer AS "Sales Dept"."Point")'),
        ("cast", "(public.mood AS integer)"),
        ("collation", "public.german"),
        ("comment", "index public.customer_pkey"),
        ("conversion", "public.latin"),
        ("event trigger", "watch"),
        ("foreign data wrapper", "nowhere"),
        ("foreign server", "elsewhere"),
        ("language", "mine"),
        ("operator", "public.===(pg_catalog.text,public.mood)"),
        ("operator", "public.===(public.mood,pg_catalog.text)"),
        ("operator class", "public.backwards USING btree"),
        ("operator family", "public.backwards USING btree"),
        ("publication", "changes"),
        ("rule", "protect on public.customer_view"),
        ("statistics", "public.customer_numbers"),
        ("text search configuration", "public.words"),
        ("text search dictionary", "public.plain"),
        ("trigger state", "each on public.measure_2024"),
        ("user mapping", "public on server elsewhere"),
    }
    assert "secret" not in to_json(catalog).decode()
    assert other(catalog, "rule", "protect on public.customer_view").comment == "keeps rows"
    assert other(catalog, "publication", "changes").definition.endswith(
        "tables public.customer (id, name) where (id > 1)"
    )
    words = other(catalog, "text search configuration", "public.words")
    assert [(part.sql, part.undo) for part in words.parts] == [
        (
            f"ALTER TEXT SEARCH CONFIGURATION public.words ADD MAPPING FOR {token} WITH public.plain, simple",
            f"ALTER TEXT SEARCH CONFIGURATION public.words DROP MAPPING FOR {token}",
        )
        for token in ("asciiword", "word")
    ]
    assert "FUNCTION 1 (integer, integer) public.compare(integer,integer)" in (
        other(catalog, "operator class", "public.backwards USING btree").definition
    )


def test_what_is_creatable_can_be_dropped_and_created_again(any_server: Server, make_database: MakeDatabase) -> None:
    database = make_database(any_server, rich_template(any_server))
    for dependent in ("TABLE elsewhere_kept", "TEXT SEARCH CONFIGURATION words"):
        database.rows(f"DROP {dependent}")
    catalog = catalog_of(database.url)
    members = ("operator class", "operator family")  # which stand on each other, and indexes on them
    statements = [
        (found.drop, ";\n".join((found.definition, *(part.sql for part in found.parts))))
        for found in catalog.others
        if found.creatable and found.kind not in members
    ]
    statements += [
        ("DROP AGGREGATE total(integer)", routine(catalog, "total", "integer").definition),
        ("DROP INDEX customer_mood", table(catalog, "customer").indexes[1].definition),
        ("DROP TRIGGER touch ON customer", named(table(catalog, "customer").triggers, "touch").definition),
    ]
    for drop, create in statements:
        database.rows(drop)
        database.rows(create)
    assert without_comments(catalog_of(database.url)) == without_comments(catalog)


def without_comments(catalog: Catalog) -> tuple[Any, ...]:
    """What a dropped object's successor has again without further statements."""
    aggregates = tuple(replace(found, access=Access()) for found in catalog.routines if found.kind == "aggregate")
    customer = table(catalog, "customer")
    parts = (
        tuple(replace(index, comment=None) for index in customer.indexes),
        tuple(replace(trigger, comment=None) for trigger in customer.triggers),
    )
    return tuple(replace(found, comment=None) for found in catalog.others), aggregates, parts, catalog.dependencies


def test_dependencies(catalog: Catalog) -> None:
    edges = set(catalog.dependencies)
    view_key = ObjectKey(ObjectKind.VIEW, "public", "customer_view")
    expected = [
        (view_key, CUSTOMER.part(ObjectKind.COLUMN, "price")),
        (ObjectKey(ObjectKind.VIEW, "public", "view_of_view"), view_key),
        (CUSTOMER.part(ObjectKind.COLUMN, "slug"), CUSTOMER.part(ObjectKind.COLUMN, "name")),
        (CUSTOMER.part(ObjectKind.COLUMN, "slug"), routine_key("public", "slug", ("text",))),
        (CUSTOMER.part(ObjectKind.COLUMN, "moods"), MOOD),
        (CUSTOMER.part(ObjectKind.COLUMN, "id"), ObjectKey(ObjectKind.SEQUENCE, "public", "customer_id_seq")),
        (ObjectKey(ObjectKind.SEQUENCE, "public", "customer_id_seq"), CUSTOMER.part(ObjectKind.COLUMN, "id")),
        (CUSTOMER.part(ObjectKind.CONSTRAINT, "Check Me"), routine_key("public", "slug", ("text",))),
        (
            ObjectKey(ObjectKind.CONSTRAINT, SALES, "invoice", None, "invoice_customer_id_fkey"),
            CUSTOMER.part(ObjectKind.COLUMN, "id"),
        ),
        (ObjectKey(ObjectKind.INDEX, "public", "customer_mood"), CUSTOMER.part(ObjectKind.COLUMN, "late")),
        (CUSTOMER.part(ObjectKind.TRIGGER, "touch"), routine_key("public", "touch", ())),
        (
            ObjectKey(ObjectKind.POLICY, SALES, "invoice", None, "own"),
            ObjectKey(ObjectKind.COLUMN, SALES, "invoice", None, "room"),
        ),
        (routine_key("public", "everything", ()), CUSTOMER.part(ObjectKind.COLUMN, "mood")),
        (routine_key("public", "row_of", ("public.customer",)), CUSTOMER),
        (routine_key("public", "row_of", ("public.customer",)), POINT),
        (ObjectKey(ObjectKind.TABLE, "public", "derived"), ObjectKey(ObjectKind.TABLE, "public", "base")),
        (ObjectKey(ObjectKind.TABLE, "public", "measure_2024"), ObjectKey(ObjectKind.TABLE, "public", "measure")),
        (ObjectKey(ObjectKind.TABLE, "public", "typed"), POINT),
        (ObjectKey(ObjectKind.MATERIALIZED_VIEW, "public", "totals"), CUSTOMER.part(ObjectKind.COLUMN, "mood")),
    ]
    assert [edge for edge in expected if Dependency(dependent=edge[0], on=edge[1]) not in edges] == []
    assert len(edges) == len(catalog.dependencies)
    assert all(edge.dependent != edge.on for edge in edges)
    everything = set(catalog.objects)
    for edge in edges:
        for end in (edge.dependent, edge.on):
            known = {end, end.owner, replace(end.owner, kind=ObjectKind.VIEW)}
            assert end.kind is ObjectKind.INDEX or known & everything, end


def test_tracking_and_temporary_tables_are_invisible(catalog: Catalog) -> None:
    text = to_json(catalog).decode()
    assert "_stonescriptdb_gateway" not in text
    assert "passing" not in text


def test_a_clone_has_an_equal_catalog(any_server: Server, make_database: MakeDatabase) -> None:
    catalog = rich_catalog(any_server)
    clone = catalog_of(make_database(any_server, rich_template(any_server)).url)
    assert clone == catalog
    assert clone.fingerprint() == catalog.fingerprint()


def test_built_again_from_the_same_script_it_is_equal(any_server: Server, make_database: MakeDatabase) -> None:
    database = make_database(any_server)
    database.rows("CREATE TABLE shifts_all_oids (id serial)")
    database.rows("DROP TABLE shifts_all_oids")
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(SCRIPT.read_bytes())
    assert catalog_of(database.url).fingerprint() == rich_catalog(any_server).fingerprint()


def test_json_round_trip(catalog: Catalog) -> None:
    assert from_json(to_json(catalog), Catalog) == catalog
