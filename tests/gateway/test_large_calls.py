"""Large calls: taken apart only as far as the signature asks, with the same outcome as small ones."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from stonegate.errors import UsageError
from stonegate.gateway.call.request import take_apart
from stonegate.gateway.call.signatures import MOST_ARGUMENTS, bind_call, choose_signature
from stonegate.gateway.call.values import LARGE_BYTES
from tests.gateway.gateway import Gateway
from tests.gateway.test_plain_calls import signature

LARGE = LARGE_BYTES + 1


def test_parameters_are_taken_apart_no_further_than_there_are_any() -> None:
    function = signature(["text", "int4"])

    def taken(params: str) -> Any:
        found = take_apart(msgspec.Raw(params.encode()), "f", (function,))
        return (
            {name: bytes(raw) for name, raw in found.items()}
            if isinstance(found, Mapping)
            else [bytes(each) for each in found]
        )

    assert taken("null") == taken("[]") == [] and taken("{}") == {}
    assert taken('[1, [2, 3], null, "x"]') == [b"1", b"[2, 3]", b"null", b'"x"']
    assert taken('{"p1": 1, "p0": null, "p1": 2}') == {"p0": b"null", "p1": b"2"}
    assert len(taken("[" + "1," * (MOST_ARGUMENTS - 1) + "1]")) == MOST_ARGUMENTS
    tracemalloc.start()
    try:
        for params, message in (
            ("[" + "1," * 2_000_000 + "1]", "more than the 10,000 allowed"),
            ("{" + ",".join(f'"n{number}":1' for number in range(200_000)) + "}", "takes a parameter named n0"),
            ("5", "must be a list or an object"),
        ):
            raw = msgspec.Raw(params.encode())
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            with pytest.raises(UsageError, match=message):
                take_apart(raw, "f", (function,))
            assert tracemalloc.get_traced_memory()[1] - before < 1 << 20
        array = msgspec.Raw(b"[" + b"1," * 1_000_000 + b"1]")
        function = signature(["_int4"])
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        bind_call(choose_signature("f", (function,), [array]))
        assert tracemalloc.get_traced_memory()[1] - before < 8 << 20  # not eight bytes and more for every element
    finally:
        tracemalloc.stop()


def repeated(items: list[Any], size: int = LARGE) -> list[Any]:
    """The items again and again, until they are a large value."""
    return items * (size // len(json.dumps(items)) + 1)


@pytest.mark.contract
@pytest.mark.parametrize(
    ("name", "items"),
    [
        ("ints", [1, None, -3, "7"]),
        ("ints", [[1, 2], [None, 4]]),
        ("texts", ["a", None, 'q"\\/\n', "NULL", "", "x y, [1]"]),
        ("texts", ["zwölf \U0001f600", "{}"]),
        ("numerics", [1.5, 100, "NaN"]),
        ("bools", [True, False, None]),
        ("moods", ["very happy", None]),
        ("emails", ["a@b", "c@d"]),
        ("jsonbs", [{"a": [1]}, [2], "{}", None]),
        ("byteas", [[0, 255], [1]]),
        ("points", [{"x": 1}, None]),
        ("ranges", ["[1,3)", None]),
    ],
)
def test_large_values_mean_what_small_ones_do(gateway: Gateway, shop: str, name: str, items: list[Any]) -> None:
    small = gateway.call(shop, f"echo_{name}", [items]).json()["rows"][0][f"echo_{name}"]
    large = repeated(items)
    answer = gateway.call(shop, f"echo_{name}", {"v": large})
    assert answer.status_code == 200, answer.text[:300]
    assert answer.json()["rows"] == [{f"echo_{name}": small * (len(large) // len(items))}]


@pytest.mark.contract
@pytest.mark.parametrize(
    ("function", "params", "status"),
    [
        ("add", ["x" * LARGE, 1], 500),
        ("echo_text", ["x" * LARGE], 200),
        ("echo_text", {"w": "x" * LARGE}, 400),
        ("echo_text", ["a\x00" * LARGE], 400),
        ("echo_texts", [repeated(["a\x00"])], 400),
        ("echo_texts", [repeated([{"a": 1}])], 400),
        ("echo_ints", [repeated([1, [2]])], 500),
        ("echo_ints", [repeated(["x"])], 500),
        ("echo_int4", [repeated([1])], 400),
        ("over", [repeated([1])], 200),
        ("total", [repeated([1])], 200),
        ("nothing", "x" * LARGE, 400),
        ("nothing", repeated([1], 1 << 20), 400),
        ("nowhere", [repeated([1])], 404),
    ],
)
def test_large_calls_that_are_wrong(gateway: Gateway, shop: str, function: str, params: Any, status: int) -> None:
    answer = gateway.call(shop, function, params)
    assert answer.status_code == status, answer.text[:300]
    assert status == 200 or answer.json()["error"] in ("invalid_request", "query_failed", "function_not_found")


@pytest.mark.contract
def test_unknown_fields_of_large_bodies(gateway: Gateway, shop: str) -> None:
    assert gateway.call(shop, "echo_text", ["x" * LARGE], stranger=1).status_code == 200
    if gateway.log is not None:
        assert "unknown fields ignored: stranger" in gateway.logged()
