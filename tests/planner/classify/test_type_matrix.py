"""The type matrix against PostgreSQL itself: safe pairs keep every boundary value, and the flags say what it does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from stonegate.model.catalog import Catalog, Constraint, DomainType, EnumType, RangeType
from stonegate.model.plan import ChangeClass
from stonegate.planner.classify.own_types import OwnTypes, own_types
from stonegate.planner.classify.type_matrix import ALIASES, MatrixRow, matrix_rows, parse_type, type_change
from stonegate.planner.classify.type_rules import NO_BRACES, RANGES, READ_NO_BRACES, TypeVerdict
from tests.planner.catalogs import ACCESS
from tests.servers import Database, MakeDatabase, Server

SAFE, DATALOSS, INCOMPATIBLE = ChangeClass.SAFE, ChangeClass.DATALOSS, ChangeClass.INCOMPATIBLE

_LONG = "x" * 300 + "é€😀"
#: Values at the edges of each type, as literals that the type reads.
BOUNDARIES: dict[str, tuple[str, ...]] = {
    "smallint": ("-32768", "-1", "0", "32767"),
    "integer": ("-2147483648", "0", "16777217", "2147483647"),
    "bigint": ("-9223372036854775808", "0", "9007199254740993", "9223372036854775807"),
    "oid": ("0", "4294967295"),
    "real": ("NaN", "Infinity", "-Infinity", "-0", "3.4028235e38", "1.1754944e-38", "1e-45", "0.1", "16777217"),
    "double precision": ("NaN", "Infinity", "-0", "1.7976931348623157e308", "5e-324", "0.1"),
    "numeric": ("NaN", "Infinity", "-Infinity", "0", "0.00000000000000000001", "9" * 200 + "." + "9" * 100, "1.10"),
    "money": ("0", "-92233720368547758.08", "92233720368547758.07"),
    "text": ("", " ", "a  ", _LONG),
    "character varying": ("", " ", "a  ", _LONG),
    "character varying(20)": ("", "a  ", "x" * 20, "é" * 20),
    "character varying(40)": ("", "a  ", "x" * 40, "€" * 40),
    "character(4)": ("", "a", "abcd", "é€"),
    "character(8)": ("", "a", "abcdefgh", "é€"),
    "bpchar": ("", "a", "abcd"),
    "name": ("", "x" * 63, "é" * 31),
    "date": ("-infinity", "infinity", "4713-01-01 BC", "5874897-12-31"),
    "timestamp without time zone": ("-infinity", "infinity", "4713-01-01 BC", "294276-12-31 23:59:59.999999"),
    "timestamp with time zone": ("-infinity", "infinity", "4713-01-02 BC UTC", "294276-12-31 23:59:59.999999 UTC"),
    "time without time zone": ("00:00", "23:59:59.999999", "24:00:00"),
    "time with time zone": ("00:00+15:59", "24:00:00-15:59", "23:59:59.999999+00"),
    "interval": ("178000000 years", "-178000000 years", "1 mon -1 day 00:00:00.000001", "0"),
    "interval(3)": ("1 mon -1 day 00:00:00.001", "178000000 years"),
    "interval year to month": ("178000000 years", "-1 mon", "0"),
    "interval day to second": ("-99999 days -23:59:59.999999", "00:00:00.000001"),
    "bit(4)": ("0000", "1111", "1010"),
    "bit(8)": ("00000000", "11111111", "10101010"),
    "bit varying(8)": ("", "1", "10101010"),
    "bit varying": ("", "1", "10" * 100),
    "bit varying(4)": ("", "1", "1010"),
    "cidr": ("0.0.0.0/0", "255.255.255.255/32", "::/0", "2001:db8::/32"),
    "inet": ("0.0.0.0/0", "192.168.1.5/24", "::1/64"),
    "macaddr": ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"),
    "macaddr8": ("00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff"),
    "numeric(8,2)": ("NaN", "-999999.99", "999999.99", "0.01"),
    "numeric(10,2)": ("NaN", "-99999999.99", "99999999.99"),
    "numeric(22,2)": ("NaN", "9" * 20 + ".99", "-" + "9" * 20 + ".99"),
    "numeric(20,0)": ("NaN", "9" * 20, "-" + "9" * 20),
    "timestamp(3) without time zone": ("-infinity", "294276-12-31 23:59:59.999", "2024-02-29 12:00:00.001"),
    "timestamp(3) with time zone": ("infinity", "294276-12-31 23:59:59.999 UTC", "2024-03-31 02:30:00.001+00"),
    "time(3) without time zone": ("24:00:00", "23:59:59.999"),
    "time(3) with time zone": ("24:00:00-15:59", "23:59:59.999+00"),
    "json": ('{"a": 1, "a": 2}',),
    "jsonb": ('{"a": 1.10}', "null"),
    "xml": ("<a/>",),
}

ROWS = tuple(matrix_rows())
SAFE_ROWS = tuple(row for row in ROWS if row.verdict.change_class is SAFE)


def _label(row: MatrixRow) -> str:
    return f"{row.old} → {row.new}"


@pytest.fixture
def connection(any_server: Server, make_database: MakeDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(make_database(any_server).url, autocommit=True, prepare_threshold=None) as session:
        session.execute("SET TimeZone = 'Europe/Berlin'")
        yield session


def _retype(session: psycopg.Connection, new: str, verdict: TypeVerdict) -> None:
    using = verdict.render_using("v", new)
    session.execute(f"ALTER TABLE t ALTER COLUMN v TYPE {new}" + (f" USING {using}" if using else ""))  # type: ignore[arg-type]


def _values(session: psycopg.Connection) -> list[str]:
    return [text for (text,) in session.execute("SELECT v::text FROM t ORDER BY id").fetchall()]


def _fill(session: psycopg.Connection, kind: str, literals: tuple[str, ...]) -> None:
    session.execute("DROP TABLE IF EXISTS t")
    session.execute(f"CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY, v {kind})")  # type: ignore[arg-type]
    for literal in (*literals, None):
        session.execute(f"INSERT INTO t (v) VALUES (%s::text::{kind})", (literal,))  # type: ignore[arg-type]


def test_every_safe_pair_keeps_every_boundary_value(connection: psycopg.Connection) -> None:
    for row in SAFE_ROWS:
        _fill(connection, row.old, BOUNDARIES[row.old])
        before = _values(connection)
        _retype(connection, row.new, row.verdict)
        _retype(connection, row.old, type_change(row.new, row.old))
        assert _values(connection) == before, _label(row)


def test_every_safe_pair_keeps_array_elements(connection: psycopg.Connection) -> None:
    for row in SAFE_ROWS:
        old, new = f"{row.old}[]", f"{row.new}[]"
        there, back = type_change(old, new), type_change(new, old)
        assert there.change_class is SAFE, _label(row)
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute(f"CREATE TABLE t (id integer, v {old})")  # type: ignore[arg-type]
        connection.execute(f"INSERT INTO t VALUES (1, %s::text[]::{old})", (list(BOUNDARIES[row.old]),))  # type: ignore[arg-type]
        before = _values(connection)
        _retype(connection, new, there)
        _retype(connection, old, back)
        assert _values(connection) == before, _label(row)


def test_postgresql_needs_using_exactly_where_the_matrix_says(connection: psycopg.Connection) -> None:
    for row in ROWS:
        if row.old == "bpchar" or row.new == "bpchar":
            continue  # what format_type calls bpchar since 15 cannot be written as a column type everywhere
        _fill(connection, row.old, ())
        _retype(connection, row.new, row.verdict)


def test_postgresql_rewrites_the_table_exactly_where_the_matrix_says(connection: psycopg.Connection) -> None:
    wrong: list[str] = []
    for row in (row for row in ROWS if not row.verdict.using):
        _fill(connection, row.old, ())
        [(before,)] = connection.execute("SELECT pg_relation_filenode('t')").fetchall()
        _retype(connection, row.new, row.verdict)
        [(after,)] = connection.execute("SELECT pg_relation_filenode('t')").fetchall()
        if (before != after) != row.verdict.rewrites:
            wrong.append(f"{_label(row)}: {'rewrites' if before != after else 'does not rewrite'}")
    assert wrong == [], "\n".join(wrong)


def test_an_enum_becomes_text_and_comes_back(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok', 'Very Happy')")
    _fill(connection, "mood", ("sad", "ok", "Very Happy"))
    before = _values(connection)
    verdict = type_change("public.mood", "text", OwnTypes(enums={"public.mood"}))
    assert verdict.change_class is SAFE and not verdict.using
    _retype(connection, "text", verdict)
    _retype(connection, "mood", type_change("text", "mood"))
    assert _values(connection) == before


@pytest.mark.parametrize(
    ("old", "new", "literal", "expected"),
    [
        ("integer", "text", "12345", "12345"),
        ("text", "integer", "42", "42"),
        ("boolean", "integer", "true", "1"),
        ("boolean", "bigint", "true", "1"),
        ("integer", "boolean", "7", "true"),
        ("jsonb", "integer", "5", "5"),
        ("uuid", "text", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("text", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("text", "date", "2024-02-29", "2024-02-29"),
        ("date", "text", "2024-02-29", "2024-02-29"),
        ("integer", "character varying(10)", "12345", "12345"),
        ("integer[]", "text[]", "{1,2}", "{1,2}"),
        ("boolean[]", "integer[]", "{t,f}", "{1,0}"),
        ("text", "jsonb", "[1]", "[1]"),
        ("integer", "bytea", None, None),
        ("bit(8)", "bit(4)", "10101111", "1010"),
        ("int4range", "int4multirange", "[1,3)", "{[1,3)}"),
        ("daterange[]", "datemultirange[]", '{"empty"}', '{"{}"}'),
    ],
)
def test_what_is_forced_is_carried_out_where_a_cast_exists(
    database: Database, old: str, new: str, literal: str | None, expected: str | None
) -> None:
    verdict = type_change(old, new)
    assert verdict.change_class is not SAFE and verdict.using
    with psycopg.connect(database.url, autocommit=True, prepare_threshold=None) as session:
        _fill(session, old, (literal,) if literal is not None else ())
        _retype(session, new, verdict)
        assert _values(session)[0] == expected


_SPANS = {"int4": "[1,3)", "int8": "empty", "num": "(,)", "ts": "[2024-01-01,)", "tstz": "(,2024-01-01]", "date": "(,)"}
_NO_BRACES = (
    {kind: values for kind, values in BOUNDARIES.items() if kind.removesuffix("(4)") in NO_BRACES}
    | {"boolean": ("true",), "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",)}
    | {f"{kind}range": (literal,) for kind, literal in _SPANS.items()}
)


def _refuses(session: psycopg.Connection, old: str, new: str, literals: tuple[str, ...]) -> bool:
    """Fills the table; True if the cast that the matrix has takes none of the values."""
    for literal in literals:
        _fill(session, old, (literal,))
        with pytest.raises(psycopg.errors.DataError):
            _retype(session, new, type_change(old, new))
    _fill(session, old, literals)
    return True


def _change_instead(session: psycopg.Connection, old: str, new: str) -> None:
    instead = type_change(old, new).instead
    assert instead is not None, (old, new)
    session.execute(f"ALTER TABLE t ALTER COLUMN v TYPE {new} USING {instead.format(column='v')}")  # type: ignore[arg-type]


def test_what_no_cast_takes_names_what_does(database: Database) -> None:
    assert {kind.removesuffix("(4)") for kind in _NO_BRACES} == NO_BRACES
    with psycopg.connect(database.url, autocommit=True, prepare_threshold=None) as session:
        for kind, literals in _NO_BRACES.items():
            assert _refuses(session, kind, f"{kind}[]", literals)
            before = _values(session)
            _change_instead(session, kind, f"{kind}[]")
            if kind.removesuffix("(4)") not in READ_NO_BRACES:
                continue
            arrays = tuple(_values(session)[: len(literals)])
            assert _refuses(session, f"{kind}[]", kind, arrays)
            _change_instead(session, f"{kind}[]", kind)
            assert _values(session) == before
        for kind, several in RANGES.items():
            literal = f"{{{_SPANS[kind.removesuffix('range')]}}}".replace("{empty}", "{}")
            assert _refuses(session, several, kind, (literal,))
            _change_instead(session, several, kind)
            assert type_change(kind, several).instead is None


def test_a_forced_cast_to_a_limited_text_refuses_what_does_not_fit(database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True, prepare_threshold=None) as session:
        _fill(session, "integer", ("12345",))
        with pytest.raises(psycopg.errors.StringDataRightTruncation):
            _retype(session, "character varying(3)", type_change("integer", "character varying(3)"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("integer", "bigint", SAFE),
        ("int", "integer", SAFE),
        ("bigint", "integer", DATALOSS),
        ("text", "character varying(20)", DATALOSS),
        ("numeric(10,2)", "numeric(8,2)", DATALOSS),
        ("numeric(10,2)", "numeric(10,1)", DATALOSS),
        ("numeric(10,2)", "numeric(12,4)", SAFE),
        ("numeric(10,2)", "numeric(11,4)", DATALOSS),
        ("numeric(3,-2)", "numeric(5,0)", SAFE),
        ("integer", "numeric(10,0)", SAFE),
        ("integer", "numeric(10,2)", DATALOSS),
        ("timestamp with time zone", "date", DATALOSS),
        ("double precision", "numeric", DATALOSS),
        ("json", "jsonb", DATALOSS),
        ("boolean", "integer", INCOMPATIBLE),
        ("integer", "text", INCOMPATIBLE),
        ("jsonb", "integer", INCOMPATIBLE),
        ("integer", "integer[]", INCOMPATIBLE),
        ("integer[]", "bigint[]", SAFE),
        ("character varying(10)[]", "character varying(20)[]", SAFE),
        ("public.mood", "text", INCOMPATIBLE),
        ('"My Type"', "text", INCOMPATIBLE),
        ("real", "double precision", SAFE),
        ("date", "timestamp without time zone", DATALOSS),
        ("bit(4)", "bit(8)", DATALOSS),
        ("character varying(20)", "character varying", SAFE),
        ("oid", "bigint", SAFE),
        ("character(8)", "character varying(4)", DATALOSS),
        ("character(8)", "bpchar(4)", DATALOSS),
        ("bit(8)", "bit varying(4)", DATALOSS),
        # what no boundary value shows
        ("numeric(8,2)", "double precision", DATALOSS),
        ("money", "numeric", DATALOSS),
        ("bpchar", "text", DATALOSS),
        ("bpchar", "character varying", DATALOSS),
        ("bpchar", "character(8)", DATALOSS),
        ("timestamp without time zone", "timestamp with time zone", DATALOSS),
        ("time without time zone", "time with time zone", DATALOSS),
        ("jsonb", "json", DATALOSS),
    ],
)
def test_the_class_of_a_pair(old: str, new: str, expected: ChangeClass) -> None:
    assert type_change(old, new).change_class is expected


def test_domains_compare_by_their_base() -> None:
    domains = {"public.email": "text", "public.short": "character varying(5)", "public.deep": "public.email"}
    own = OwnTypes(domains=domains)
    assert type_change("public.email", "text", own).change_class is SAFE
    assert type_change("public.deep", "text", own).change_class is SAFE
    assert type_change("public.short", "public.email", replace(own, unchecked={"public.email"})).change_class is SAFE
    assert type_change("text", "public.email", own).change_class is DATALOSS
    assert type_change("text", "public.email", replace(own, unchecked={"public.email"})).change_class is SAFE
    assert (
        type_change("public.email", "public.short", replace(own, unchecked={"public.short"})).change_class is DATALOSS
    )
    assert type_change("public.email", "integer", own).change_class is INCOMPATIBLE
    assert type_change("public.short[]", "text[]", own).change_class is SAFE


def test_own_types_are_those_of_both_databases_and_domains_as_declared() -> None:
    checks = (Constraint(name="c", kind="check", definition="CHECK (VALUE > 0)"),)

    def catalog(kind: str, *domains: DomainType) -> Catalog:
        several = f"subtype = integer, multirange_type_name = public.{kind}s"
        ranges = (RangeType(schema="public", name=kind, definition=several, access=ACCESS),)
        enums = (EnumType(schema="public", name=f"{kind}_mood", labels=(), access=ACCESS),)
        return Catalog(domains=domains, ranges=ranges, enums=enums)

    def domain(name: str, **fields: Any) -> DomainType:
        return DomainType(schema="public", name=name, base="integer", access=ACCESS, **fields)

    live = catalog("live", domain("gone"), domain("eased", not_null=True), domain("tightened"))
    desired = catalog("new", domain("eased"), domain("tightened", constraints=checks), domain("filled", not_null=True))
    own = own_types(live, desired)
    names = ("public.gone", "public.eased", "public.tightened", "public.filled")
    assert own.domains == dict.fromkeys(names, "integer")
    assert [name for name in names if own.is_checked(name)] == ["public.tightened", "public.filled"]
    assert own.enums == {"public.live_mood"}  # no value is of another one
    assert own.ranges == RANGES | {"public.live": "public.lives", "public.new": "public.news"}


DOMAINS = {"public.d0": "text", "public.d": "text", "public.dd": "public.d", "public.e0": "public.d0"}
UNCHECKED = {"public.d0", "public.e0", "public.dd"}


def test_domains_over_domains(connection: psycopg.Connection) -> None:
    """One whose base has a check looks at each value without one of its own, and PostgreSQL writes the table anew."""
    connection.execute("CREATE DOMAIN d0 AS text; CREATE DOMAIN d AS text CHECK (VALUE <> ''); CREATE DOMAIN dd AS d")
    connection.execute("CREATE DOMAIN e0 AS d0")
    checked = {"public.d", "public.dd"}
    for old, new in itertools.permutations(("text", *DOMAINS), 2):
        verdict = type_change(old, new, OwnTypes(domains=DOMAINS, unchecked=UNCHECKED))
        assert (verdict.change_class is SAFE) == (new not in checked or old in checked), (old, new)
        _fill(connection, old, ())
        [(before,)] = connection.execute("SELECT pg_relation_filenode('t')").fetchall()
        _retype(connection, new, verdict)
        [(after,)] = connection.execute("SELECT pg_relation_filenode('t')").fetchall()
        assert verdict.rewrites == (before != after), (old, new)


def test_the_checks_of_a_domain_over_a_domain_are_its_own() -> None:
    verdict = type_change("public.d", "public.work", OwnTypes(domains={"public.d": "text", "public.work": "public.d"}))
    assert verdict.reason == "values that the checks of domain public.work refuse do not fit"


def test_short_names_mean_what_they_mean_to_postgresql(connection: psycopg.Connection) -> None:
    names = {alias: name for alias, name in ALIASES.items() if "serial" not in alias}
    for alias, name in names.items():
        assert connection.execute("SELECT %s::regtype::text", (alias,)).fetchone() == (name,)
        assert parse_type(alias).base == parse_type(alias.upper()).base == name
    assert {parse_type(f"{size}serial") for size in ("", "small", "big")} == set(
        map(parse_type, ("integer", "smallint", "bigint"))
    )


def test_types_are_taken_apart_as_format_type_prints_them() -> None:
    assert parse_type("timestamp(3) without time zone") == parse_type("timestamp (3)")
    assert parse_type("interval day to second(3)").fields == "day to second"
    assert parse_type("numeric(10,2)[]").modifiers == (10, 2)
    assert parse_type('public."odd(1)"').base == 'public."odd(1)"'
    assert parse_type("character") == parse_type("character(1)")


def test_no_pair_has_two_rules_and_every_reason_is_a_sentence() -> None:
    pairs = [(row.old, row.new) for row in ROWS]
    assert len(pairs) == len(set(pairs))
    assert all(row.verdict.reason and not row.verdict.reason.endswith(".") for row in ROWS)
