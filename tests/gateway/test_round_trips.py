"""Values of every supported type, sent as JSON, come back as PostgreSQL itself prints them from their input text."""

from __future__ import annotations

import datetime
import json
import string
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.gateway.conftest import STANDING
from tests.gateway.folders import ECHOES
from tests.gateway.gateway import Gateway
from tests.servers import Server

pytestmark = pytest.mark.contract

#: Examples are lists of values: few of them are many values.
BATCHES = settings(
    max_examples=4,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
BATCH = 12

#: A value as it is sent, and the input text that PostgreSQL must read it as; None is NULL.
Sent = tuple[Any, str | None]


class Digits(str):
    """A JSON number that is sent as it is written."""


def same(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Sent]:
    """Values that are sent as their input text."""
    return texts.map(lambda text: (text, text))


def either(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Sent]:
    """Numbers, sent as JSON numbers or as texts."""
    return st.tuples(values.map(str), st.booleans()).map(lambda p: (Digits(p[0]) if p[1] else p[0], p[0]))


def integers(bits: int) -> st.SearchStrategy[Sent]:
    """All integers of that size, its bounds most of all."""
    top = 1 << (bits - 1)
    return either(st.integers(-top, top - 1) | st.sampled_from([-top, top - 1, 0]))


def ranges(bounds: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Ranges in PostgreSQL's text: empty, unbounded, with bounds in order."""

    def write(drawn: tuple[list[Any], str, str]) -> str:
        (low, high), left, right = drawn
        return f'{left}"{low}","{high}"{right}'

    bounded = st.tuples(
        st.lists(bounds, min_size=2, max_size=2).map(sorted), st.sampled_from("[("), st.sampled_from(")]")
    )
    return bounded.map(write) | st.sampled_from(["empty", "(,)"]) | bounds.map(lambda low: f'["{low}",)')


def arrays(elements: st.SearchStrategy[Sent]) -> st.SearchStrategy[Sent]:
    """Arrays of one dimension or of two, NULLs among the elements."""
    rows = st.integers(1, 3).flatmap(
        lambda n: st.lists(st.lists(elements | NULLS, min_size=n, max_size=n), min_size=1, max_size=3)
    )
    flat = st.lists(elements | NULLS, max_size=5)
    return (flat | rows).map(lambda items: (_sent_array(items), array_text(items)))


def composites(**fields: st.SearchStrategy[Sent]) -> st.SearchStrategy[Sent]:
    """Objects with some of the attributes, for a type that has them in this order."""

    def write(drawn: dict[str, Sent]) -> Sent:
        parts = [drawn[name][1] if name in drawn else None for name in fields]
        return {name: value for name, (value, _) in drawn.items()}, row_text(parts)

    return st.fixed_dictionaries({}, optional={name: each | NULLS for name, each in fields.items()}).map(write)


def _sent_array(items: list[Any]) -> list[Any]:
    return [_sent_array(item) if isinstance(item, list) else item[0] for item in items]


def array_text(items: list[Any]) -> str:
    """As PostgreSQL reads arrays (manual 8.15.2)."""
    return "{" + ",".join(array_text(i) if isinstance(i, list) else quoted(i[1], "NULL") for i in items) + "}"


def row_text(parts: list[str | None]) -> str:
    """As PostgreSQL reads rows (manual 8.16.2)."""
    return "(" + ",".join(quoted(part, "") for part in parts) + ")"


def quoted(text: str | None, null: str) -> str:
    """One element of an array or row."""
    return null if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def document(value: Any) -> Sent:
    """A JSON document that is sent as itself."""
    return value, encode(value)


NULLS: st.SearchStrategy[Sent] = st.just((None, None))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
ASCII = st.text(string.printable, max_size=12)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False).map(lambda d: f"{d:f}"[:300])
HUGE = st.builds(lambda a, b: f"{a}{'7' * b}.{'1' * b}", st.integers(-999, 999), st.integers(1, 400))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SPECIAL = same(st.sampled_from(["NaN", "Infinity", "-Infinity"]))
MOMENTS = st.datetimes(min_value=datetime.datetime(100, 1, 1)).map(str)
DAYS = st.dates(min_value=datetime.date(100, 1, 1)).map(str)
ZONES = st.sampled_from(["+00", "-03:30", "+14", "-12"])
ENDLESS = same(st.sampled_from(["infinity", "-infinity"]))
TIMES = st.times().map(str)
BITS = st.text("01", max_size=70)
BYTES = st.binary(max_size=30)
DOCUMENTS = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner | st.none(), max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: not isinstance(value, str))
MOODS = same(st.sampled_from(["sad", "ok", "very happy"]))
BYTE_VALUES = BYTES.map(lambda raw: (list(raw), "\\x" + raw.hex())) | same(BYTES.map(lambda raw: "\\x" + raw.hex()))
BOOLEANS = st.booleans().map(lambda b: (b, str(b).lower())) | same(st.sampled_from(["t", "off", "yes", "0"]))
EMAILS = same(TEXTS.map(lambda text: f"{text}@x"))
INTERVALS = st.builds(
    "{} years {} mons {} days {:.6f} secs".format, *[st.integers(-999, 999)] * 3, st.floats(-9999, 9999)
)
POINTS = composites(x=integers(32), label=same(TEXTS), at=same(MOMENTS))
POINT_LISTS = st.lists(POINTS | NULLS, max_size=3).map(lambda i: (_sent_array(i), array_text(i)))
TAGS = st.lists(same(TEXTS) | NULLS, max_size=3).map(lambda i: (_sent_array(i), array_text(i)))
SHAPES = composites(name=same(TEXTS), middle=POINTS, corners=POINT_LISTS, tags=TAGS, feels=MOODS)
INT_RANGES = ranges(st.integers(-(2**31) + 1, 2**31 - 2))

VALUES: dict[str, st.SearchStrategy[Sent]] = {
    "int2": integers(16),
    "int4": integers(32),
    "int8": integers(64),
    "numeric": either(NUMBERS | HUGE) | SPECIAL,
    "float4": either(st.floats(width=32, allow_nan=False, allow_infinity=False)) | SPECIAL,
    "float8": either(FLOATS) | SPECIAL,
    "money": either(st.decimals(-(10**12), 10**12, places=2).map(lambda d: f"{d:f}")),
    "bool": BOOLEANS,
    "text": same(TEXTS) | either(NUMBERS),
    "varchar": same(TEXTS),
    "bpchar": same(st.text("abc ", max_size=5)),
    "name": same(st.text(string.ascii_letters, max_size=60)),
    "uuid": same(st.uuids().map(str)),
    "date": same(DAYS) | ENDLESS,
    "time": same(TIMES),
    "timetz": same(st.builds(str.__add__, TIMES, ZONES)),
    "timestamp": same(MOMENTS) | ENDLESS,
    "timestamptz": same(st.builds(str.__add__, MOMENTS, ZONES)) | ENDLESS,
    "interval": same(INTERVALS),
    "json": DOCUMENTS.map(document),
    "jsonb": DOCUMENTS.map(document) | same(DOCUMENTS.map(json.dumps)),
    "bytea": BYTE_VALUES,
    "bit": same(st.text("01", min_size=8, max_size=8)),
    "varbit": same(BITS),
    "inet": same(st.ip_addresses().map(str) | st.ip_addresses(v=4).map(lambda a: f"{a}/13")),
    "cidr": same(st.ip_addresses().map(str)),
    "macaddr": same(st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))),
    "tsvector": same(st.lists(st.text("abc'\\", min_size=1, max_size=5).map(
        lambda word: "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"), max_size=4).map(" ".join)),
    "point": same(st.builds("({!r},{!r})".format, FLOATS, FLOATS)),
    "mood": MOODS,
    "point2": POINTS | POINTS.map(lambda sent: (sent[1], sent[1])),
    "shape": SHAPES,
    "email": EMAILS,
    "percent": either(st.decimals(0, 100, places=2).map(lambda d: f"{d:f}")),
    "int4range": same(INT_RANGES),
    "numrange": same(ranges(st.integers(-(10**30), 10**30))),
    "daterange": same(ranges(st.dates(min_value=datetime.date(1000, 1, 1)))),
    "tstzrange": same(ranges(st.datetimes(min_value=datetime.datetime(1000, 1, 1)))),
    "int4multirange": same(st.lists(INT_RANGES, max_size=3).map(lambda parts: "{" + ",".join(parts) + "}")),
    "ints": arrays(integers(32)),
    "texts": arrays(same(TEXTS)) | same(st.just('{"a b",NULL,"NULL"}')),
    "numerics": arrays(either(NUMBERS | HUGE) | SPECIAL),
    "bools": arrays(st.booleans().map(lambda b: (b, str(b).lower()))),
    "byteas": st.lists(BYTE_VALUES | NULLS, max_size=3).map(lambda i: (_sent_array(i), array_text(i))),
    "moods": arrays(MOODS),
    "points": arrays(POINTS) | POINT_LISTS.map(lambda sent: (sent[1], sent[1])),
    "shapes": arrays(SHAPES),
    "emails": arrays(EMAILS),
    "jsonbs": st.lists(DOCUMENTS.filter(lambda d: not isinstance(d, list)).map(document) | NULLS, max_size=3).map(
        lambda i: (_sent_array(i), array_text(i))
    ),
    "ranges": arrays(same(INT_RANGES)),
}  # fmt: skip


def encode(value: Any) -> str:
    """JSON; numbers with the digits that they have."""
    match value:
        case Digits():
            return str(value)
        case list():
            return "[" + ",".join(map(encode, value)) + "]"
        case dict():
            return "{" + ",".join(f"{json.dumps(key)}:{encode(each)}" for key, each in value.items()) + "}"
        case _:
            return json.dumps(value)


Ask = Callable[[str, list[str | None]], list[str]]


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    """One connection for all values."""
    with gateway.client() as client:
        yield client


@pytest.fixture(scope="module")
def ask(request: pytest.FixtureRequest, gateway: Gateway, shop: str) -> Iterator[Ask]:
    """Asks PostgreSQL itself, with texts as the only parameter `$1`."""
    if STANDING:  # through the gateway, but as texts only
        yield lambda query, texts: [row["ask"] for row in gateway.call(shop, "ask", [query, texts]).json()["rows"]]
        return
    server: Server = request.getfixturevalue("server")
    with psycopg.connect(server.url(f"{shop}_main"), autocommit=True, options="-c TimeZone=UTC") as connection:
        cursor = psycopg.RawCursor(connection)
        yield lambda query, texts: [row for (row,) in cursor.execute(query.encode(), [texts])]


def test_every_type_has_values() -> None:
    assert {*VALUES, "any"} == set(ECHOES)


@pytest.mark.parametrize("name", VALUES)
def test_values_come_back_as_postgresql_prints_them(client: httpx.Client, shop: str, ask: Ask, name: str) -> None:
    query = (
        "SELECT row_to_json(r)::text FROM unnest($1::text[]) WITH ORDINALITY AS t (v, n), "
        f"LATERAL (SELECT * FROM echo_{name}(t.v::{ECHOES[name]})) AS r ORDER BY n"
    )

    @BATCHES
    @given(st.lists(VALUES[name] | NULLS, min_size=1, max_size=BATCH))
    def come_back(batch: list[Sent]) -> None:
        for (value, text), row in zip(batch, ask(query, [text for _, text in batch]), strict=True):
            body = f'{{"platform":"{shop}","function":"echo_{name}","params":[{encode(value)}]}}'
            answer = client.post("/call", content=body.encode())
            assert answer.content.startswith(b'{"rows":[%b],' % row.encode()), (body, text, row, answer.text)

    come_back()
