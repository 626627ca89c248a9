"""Types are spelled as the catalog spells them, modifiers included."""
# ruff: noqa: E501 - one case per line

from __future__ import annotations

import psycopg

from stonegate.model.source import EffectVerb
from tests.servers import Database
from tests.source.folders import parse

TYPES = """
int, int2, bigint, float, float(20), float8, real, decimal, numeric(10), numeric(10,2), dec(3,1), bool, char, char(3), bpchar,
varchar, varchar(40), national character varying(3), text, name, "char", bit, bit(3), bit varying, varbit(5), date, time, time(2),
time with time zone, timestamp, timestamp(3), timestamptz, timestamp(0) with time zone, interval, interval(3), interval year to month,
interval day to second(3), interval hour, bytea, json, jsonb, uuid, xml, inet, cidr, macaddr, money, point, tsvector, tsquery,
int4range, tstzmultirange, oid, regclass, int[], int[][], text[3], varchar(5)[], numeric(4,1)[], status, status[], s."Odd", users,
pg_catalog.int4, public.status, serial, bigserial, smallserial
"""


def test_columns_are_spelled_as_format_type_does(any_database: Database) -> None:
    depth, types, current = 0, [], ""
    for letter in TYPES.replace("\n", " "):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            types.append(current.strip())
            current = ""
        else:
            current += letter
    types.append(current.strip())
    columns = ", ".join(f"c{number} {spelled}" for number, spelled in enumerate(types))
    declared = 'CREATE SCHEMA s; CREATE TYPE status AS ENUM (); CREATE TYPE s."Odd" AS ENUM (); CREATE TABLE users ();'
    tree = parse({"types/a.sql": declared, "migrations/m.sql": f"CREATE TABLE t ({columns})"})
    with psycopg.connect(any_database.url) as connection:
        for item in tree.items:
            connection.execute(item.sql.encode())
        connection.execute(tree.migrations[0].statements[0].sql.encode())
        connection.execute("SET search_path = ''")
        theirs = connection.execute(
            """SELECT format_type(atttypid, atttypmod), attnotnull, atthasdef FROM pg_catalog.pg_attribute
               WHERE attrelid = 'public.t'::regclass AND attnum > 0 ORDER BY attnum"""
        ).fetchall()
    (create,) = tree.migrations[0].statements[0].effects
    assert create.verb is EffectVerb.CREATE
    ours = [(column.type, column.not_null, column.has_default) for column in create.columns]
    assert dict(zip(types, ours, strict=True)) == dict(zip(types, theirs, strict=True))


def test_names_that_nobody_declares_are_public_or_of_their_extension() -> None:
    tree = parse(
        {
            "extensions/citext.sql": "-- schema: ext",
            "functions/f.sql": "CREATE FUNCTION f(a citext, b unknown_one, c vector) RETURNS int RETURN 1",
        }
    )
    assert tree.items[0].key.arguments == "ext.citext, public.unknown_one, public.vector"


def test_names_without_schema_are_public_or_in_an_extension_s_schema() -> None:
    tree = parse(
        {
            "extensions/citext.sql": "-- schema: ext",
            "types/a.sql": "CREATE TYPE sales.kind AS ENUM (); CREATE TYPE ext.either AS ENUM ()",
            "functions/f.sql": "CREATE FUNCTION f(a kind, b either) RETURNS int RETURN 1",
            "migrations/1.sql": "ALTER TYPE kind SET SCHEMA sales",
        }
    )
    assert next(item.key.arguments for item in tree.items if item.key.name == "f") == "public.kind, ext.either"
    assert str(tree.migrations[0].statements[0].effects[0].key) == "type kind"
