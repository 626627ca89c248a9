"""`/call`, row by row of the contract's table, over a real socket."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.gateway.gateway import Gateway
from tests.servers import Server, psql

pytestmark = pytest.mark.contract


def value(gateway: Gateway, shop: str, function: str, params: Any, **more: Any) -> Any:
    """The only value of a call."""
    answer = gateway.call(shop, function, params, **more)
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["rows"]
    assert list(row) == [function]
    return row[function]


@pytest.mark.parametrize(
    ("name", "sent", "received"),
    [
        ("int2", -32768, -32768),
        ("int4", 2147483647, 2147483647),
        ("int8", 9223372036854775807, 9223372036854775807),
        ("int8", "12", 12),
        ("float8", 1.5, 1.5),
        ("float8", "NaN", "NaN"),
        ("float8", "Infinity", "Infinity"),
        ("numeric", "NaN", "NaN"),
        ("bool", True, True),
        ("bool", "f", False),
        ("text", 5, "5"),
        ("text", "'; DROP TABLE notes; --", "'; DROP TABLE notes; --"),
        ("text", "zwölf \U0001f600 \\ \" ' $1 {} %s", "zwölf \U0001f600 \\ \" ' $1 {} %s"),
        ("text", "", ""),
        ("varchar", "abc", "abc"),
        ("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("date", "2024-02-29", "2024-02-29"),
        ("date", "infinity", "infinity"),
        ("time", "23:59:59.5", "23:59:59.5"),
        ("timestamp", "2024-01-02 03:04:05", "2024-01-02T03:04:05"),
        ("timestamptz", "2024-01-02 03:04:05+02", "2024-01-02T01:04:05+00:00"),
        ("timestamptz", "infinity", "infinity"),
        ("interval", "1 day 2 hours", "1 day 02:00:00"),
        ("json", {"a": [1, None]}, {"a": [1, None]}),
        ("jsonb", [1, {"b": "c"}], [1, {"b": "c"}]),
        ("jsonb", 5, 5),
        ("jsonb", '{"as": "text"}', {"as": "text"}),
        ("bytea", [0, 255, 16], "\\x00ff10"),
        ("bytea", "\\x0aff", "\\x0aff"),
        ("bytea", [], "\\x"),
        ("mood", "very happy", "very happy"),
        ("email", "a@b", "a@b"),
        ("inet", "10.0.0.1", "10.0.0.1"),
        ("int4range", "[1,5)", "[1,5)"),
        ("ints", [1, None, 3], [1, None, 3]),
        ("ints", [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ("ints", [], []),
        ("ints", "{7,8}", [7, 8]),
        ("texts", ['a"b', "c,d", "", "NULL", "{x}", "\\"], ['a"b', "c,d", "", "NULL", "{x}", "\\"]),
        ("moods", ["sad", "very happy"], ["sad", "very happy"]),
        ("jsonbs", [{"a": 1}, [2]], [{"a": 1}, [2]]),
        ("point2", {"x": 1, "label": "l"}, {"x": 1, "label": "l", "at": None}),
        ("points", [{"x": 1}, {"x": 2}], [{"x": n, "label": None, "at": None} for n in (1, 2)]),
        ("any", 7, 7),
        ("any", "seven", "seven"),
        ("any", {"a": [1]}, {"a": [1]}),
        ("any", [1, None, 2], [1, None, 2]),
    ],
)
def test_values_come_back(gateway: Gateway, shop: str, name: str, sent: Any, received: Any) -> None:
    if name == "point2":  # a composite result is the row itself
        (row,) = gateway.call(shop, "echo_point2", [sent]).json()["rows"]
        assert row == received
        return
    assert value(gateway, shop, f"echo_{name}", [sent]) == received
    assert value(gateway, shop, f"echo_{name}", {"v": sent}) == received


@pytest.mark.parametrize("name", ["int4", "text", "jsonb", "ints", "bytea", "mood"])
def test_null_is_null(gateway: Gateway, shop: str, name: str) -> None:
    assert value(gateway, shop, f"echo_{name}", [None]) is None


@pytest.mark.parametrize(
    ("function", "sent", "received"),
    [
        ("put", [None, [1, 2]], [1, 2, None]),
        ("put", {"v": 3, "a": None}, [3]),
        ("put", [None, None], [None]),
        ("put", ["3", [1, 2]], [1, 2, 3]),
        ("put", ["c", ["a"]], ["a", "c"]),
        ("put", ["c", None], ["c"]),
        ("listed", [1, None], [1, None]),
        ("listed", [None], None),
        ("glued", [None], ""),
        ("glued", ["a", None, 1], "a1"),
        ("glued", [["a", "b"]], "ab"),
        ("glued", ["a"], "a"),
    ],
)
def test_nulls_and_strings_are_of_the_type_that_the_other_values_have(
    gateway: Gateway, shop: str, function: str, sent: Any, received: Any
) -> None:
    assert value(gateway, shop, function, sent) == received


def test_numbers_keep_their_digits(gateway: Gateway, shop: str) -> None:
    digits = "123456789012345678901234567890.123456789012345678901234567890"
    with gateway.client() as client:
        body = f'{{"platform": "{shop}", "function": "echo_numeric", "params": [{digits}]}}'
        assert digits in client.post("/call", content=body).text
        body = f'{{"platform": "{shop}", "function": "echo_numerics", "params": [[{digits}, 1.50]]}}'
        assert f"[{digits},1.50]" in client.post("/call", content=body).text


@pytest.mark.shows("POST /call")
def test_shapes(gateway: Gateway, shop: str) -> None:
    assert value(gateway, shop, "add", [1]) == 11
    assert value(gateway, shop, "add", {"b": 1, "a": 2}) == 3
    assert value(gateway, shop, "total", [1, 2, 3]) == 6
    assert value(gateway, shop, "total", [[4, 5]]) == value(gateway, shop, "total", {"v": [4, 5]}) == 9
    assert value(gateway, shop, "joined", ["x", "y", "z"]) == "xy+z"
    assert value(gateway, shop, "joined", {"v": ["y"], "a": "x"}) == "xy"
    assert value(gateway, shop, "joined", {"a": "x"}) == value(gateway, shop, "joined", ["x"]) == "x"
    assert value(gateway, shop, "nothing", []) is None
    assert value(gateway, shop, "zone", []) == "UTC"
    assert value(gateway, shop, "select", ["quoted"]) == "quoted"
    assert value(gateway, shop, "r", []) == 1
    (row,) = gateway.call(shop, "rows_of").json()["rows"]  # r is no row here, but a column of it
    assert row == {"r": {"x": 1, "label": "one", "at": None}, "t": 2}
    answer = gateway.call(shop, "numbers", [3]).json()
    assert answer["rows"] == [{"i": i, "word": f"w{i}"} for i in (1, 2, 3)]
    assert answer["row_count"] == 3
    assert answer["execution_time_ms"] >= 0
    empty = gateway.call(shop, "numbers", [0]).json()
    assert (empty["rows"], empty["row_count"]) == ([], 0)
    assert len(gateway.call(shop, "numbers", [100_000]).json()["rows"]) == 100_000


@pytest.mark.parametrize(("sent", "chosen"), [(1, "int"), ("x", "text"), ({"a": 1}, "jsonb"), ([1], "int[]")])
def test_overloads_are_told_apart_by_json_types(gateway: Gateway, shop: str, sent: Any, chosen: str) -> None:
    assert value(gateway, shop, "over", [sent]) == chosen


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        pytest.param({"function": "nowhere"}, 404, "function_not_found", marks=pytest.mark.shows("function_not_found")),
        ({"function": "pg_sleep", "params": [1]}, 404, "function_not_found"),
        ({"function": "Add"}, 400, "invalid_request"),
        ({"function": "add; DROP TABLE notes"}, 400, "invalid_request"),
        ({"function": "public.add"}, 400, "invalid_request"),
        ({"function": "a" * 64}, 400, "invalid_request"),
        ({"params": [1, 2, 3]}, 400, "invalid_request"),
        ({"params": []}, 400, "invalid_request"),
        ({"params": {"c": 1}}, 400, "invalid_request"),
        ({"params": [{"a": 1}]}, 400, "invalid_request"),
        ({"params": "x"}, 400, "invalid_request"),
        ({"platform": 5}, 400, "invalid_request"),
        ({"platform": "--"}, 400, "invalid_request"),
        ({"platform": "p" * 64}, 400, "invalid_request"),
        ({"platform": "nobody-has-this"}, 503, "connection_failed"),
        ({"tenant_id": "nobody"}, 503, "connection_failed"),
        ({"uuid": "a", "database_id": "b"}, 400, "invalid_request"),
        ({"tenant_id": "a", "database_id": "b"}, 400, "invalid_request"),
        ({"tenant_id": "main", "uuid": "b"}, 400, "invalid_request"),
        ({"function": "vague", "params": ["2024-01-01"]}, 400, "invalid_request"),
        ({"function": "echo_bytea", "params": [[256]]}, 400, "invalid_request"),
        ({"function": "echo_text", "params": ["a\x00b"]}, 400, "invalid_request"),
        ({"timeout_ms": 0}, 400, "invalid_request"),
        ({"function": "echo_int4", "params": ["x"]}, 500, "query_failed"),
        ({"function": "echo_email", "params": ["none"]}, 500, "query_failed"),
        ({"function": "echo_mood", "params": ["furious"]}, 500, "query_failed"),
    ],
)
def test_what_is_wrong_is_refused(gateway: Gateway, shop: str, change: dict[str, Any], status: int, code: str) -> None:
    body = {"platform": shop, "function": "add", "params": [1, 2]} | change
    answer = gateway.post("/call", body)
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert all(isinstance(text, str) for text in answer.json().values())
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.shows("invalid_request")
def test_an_ambiguous_call_lists_the_candidates(gateway: Gateway, shop: str) -> None:
    message = gateway.call(shop, "vague", ["2024-01-01"]).json()["message"]
    assert "vague(v date)" in message and "vague(v uuid)" in message


def test_a_call_with_other_parameters_is_told_what_there_are(gateway: Gateway, shop: str) -> None:
    named = gateway.call(shop, "add", {"A": 1}).json()["message"]
    assert "takes the parameters named A; add(a integer, b integer DEFAULT …)" in named
    messages = {gateway.post("/call", {"platform": shop, "function": "add", **sent}).json()["message"] for sent in NONE}
    assert len(messages) == 1 and "takes 0 parameters; add(" in messages.pop()


NONE: list[dict[str, Any]] = [{}, {"params": []}, {"params": {}}]


@pytest.mark.shows("query_failed")
def test_a_failed_call_says_what_postgresql_said(gateway: Gateway, shop: str) -> None:
    body = gateway.call(shop, "fail", ["P0042", "oh no"]).json()
    assert (body["error"], body["sqlstate"], body["hint"]) == ("query_failed", "P0042", "a hint")
    assert "oh no" in body["cause"]
    assert gateway.call(shop, "note_and_fail", ["lost"]).status_code == 500
    assert value(gateway, shop, "notes_like", ["lost"]) == 0


@pytest.mark.shows("query_timeout")
def test_timeouts(gateway: Gateway, shop: str) -> None:
    began = time.monotonic()
    answer = gateway.call(shop, "nap", [20], timeout_ms=200)
    assert (answer.status_code, answer.json()["error"]) == (504, "query_timeout")
    assert time.monotonic() - began < 15
    assert value(gateway, shop, "add", [1, 1]) == 2


def test_a_backend_that_dies_takes_only_its_own_call(gateway: Gateway, shop: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        doomed = threads.submit(gateway.call, shop, "suicide")
        others = [threads.submit(value, gateway, shop, "add", [n, n]) for n in range(20)]
        assert doomed.result().status_code == 503
        assert [other.result() for other in others] == [n + n for n in range(20)]


def test_a_client_that_hangs_up_cancels_its_query(gateway: Gateway, shop: str, behind: Server) -> None:
    import httpx

    with gateway.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post("/call", json={"platform": shop, "function": "nap", "params": [21]}, timeout=0.5)
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state = 'active'"
    deadline = time.monotonic() + 15
    while psql(behind.admin_url, query, (f"{shop}_main",)) != [(0,)]:
        assert time.monotonic() < deadline, "the query goes on"
        time.sleep(0.05)


def test_ddl_under_prepared_statements(gateway: Gateway, shop: str, behind: Server) -> None:
    url = behind.url(f"{shop}_main")
    psql(url, "CREATE FUNCTION moving(a int) RETURNS int LANGUAGE sql AS 'SELECT a'")
    assert value(gateway, shop, "moving", [1]) == 1
    psql(
        url, "DROP FUNCTION moving(int); CREATE FUNCTION moving(a text) RETURNS text LANGUAGE sql AS 'SELECT ''t''||a'"
    )
    assert value(gateway, shop, "moving", [1]) == "t1"
    psql(url, "CREATE FUNCTION moving(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b'")
    assert value(gateway, shop, "moving", [1, 2]) == 3
    psql(url, "DROP FUNCTION moving(text); DROP FUNCTION moving(int, int)")
    assert gateway.call(shop, "moving", [1]).json()["error"] in ("query_failed", "function_not_found")
    psql(url, "CREATE SCHEMA other; CREATE FUNCTION other.hidden() RETURNS int LANGUAGE sql AS 'SELECT 9'")
    assert gateway.call(shop, "hidden").json()["error"] == "function_not_found"


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"platform": "\\ud800"}', "\xff"])
def test_bodies_that_are_no_requests(gateway: Gateway, body: str) -> None:
    with gateway.client() as client:
        answer = client.post("/call", content=body.encode("latin-1"))
    assert (answer.status_code, json.loads(answer.text)["error"]) == (400, "invalid_request"), answer.text
