"""The short way to bind a call is the long way: the same statement and texts, for whatever is sent."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stonegate.database.call.session import FunctionSignature, Parameter
from stonegate.errors import UsageError
from stonegate.gateway.call.plain import PlainCall
from stonegate.gateway.call.signatures import bind_call, choose_signature, void_rows

TYPES = {
    "int4": (23, "b", "N"),
    "int8": (20, "b", "N"),
    "numeric": (1700, "b", "N"),
    "text": (25, "b", "S"),
    "bool": (16, "b", "B"),
    "uuid": (2950, "b", "U"),
    "jsonb": (3802, "b", "U"),
    "json": (114, "b", "U"),
    "bytea": (17, "b", "U"),
    "mood": (90001, "e", "E"),
    "point2": (90002, "c", "C"),
    "_int4": (1007, "b", "A"),
}

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(), some, max_size=3))


def parameter(base: str, name: str) -> Parameter:
    """A parameter of that type."""
    oid, kind, category = TYPES[base]
    array = {"element": 23, "element_type": "integer", "element_kind": "b", "element_base": "int4", "delimiter": ","}
    made = Parameter(name=name, oid=oid, type=base, kind=kind, category=category, base=base)
    return msgspec.structs.replace(made, **array) if category == "A" else made


def signature(bases: list[str], defaults: int = 0, *, is_void: bool = False) -> FunctionSignature:
    """A function `f` with parameters of these types."""
    parameters = tuple(parameter(base, f"p{number}") for number, base in enumerate(bases))
    return FunctionSignature(
        schema="public",
        name="f",
        place=1,
        is_void=is_void,
        defaults=min(defaults, len(bases)),
        is_variadic=False,
        parameters=parameters,
    )


@given(st.lists(st.sampled_from(sorted(TYPES)), max_size=4), st.integers(0, 2), st.booleans(), st.data())
def test_what_it_binds_is_what_the_search_finds(bases: list[str], defaults: int, is_void: bool, data: Any) -> None:
    function = signature(bases, defaults, is_void=is_void)
    sent = data.draw(st.lists(values, min_size=max(len(bases) - 1, 0), max_size=len(bases) + 1))
    arguments = msgspec.json.decode(msgspec.json.encode(sent), type=list[msgspec.Raw])
    plain = PlainCall.of((function,))
    assert plain is not None and plain.void_rows == void_rows(function)
    try:
        bound = plain.bind(arguments)
    except UsageError as refused:
        with pytest.raises(UsageError, match=refused.message):
            bind_call(choose_signature("f", (function,), arguments))
        return
    if bound is not None:
        assert bound == bind_call(choose_signature("f", (function,), arguments))


@pytest.mark.parametrize(
    ("base", "text"),
    [
        ("text", text)
        for text in ('"plain"', '"q\\"uote"', '"zwölf"', '"\\u00e4"', '"tab\\t"', '""', "1.50", "-0", "true")
    ]
    + [("int4", "null"), ("jsonb", '{"a": 1}'), ("json", "[1]"), ("_int4", "null"), ("point2", '"(1,x)"')],
)
def test_common_values_take_the_short_way(base: str, text: str) -> None:
    function = signature([base])
    plain = PlainCall.of((function,))
    arguments = [msgspec.Raw(text.encode())]
    assert plain is not None
    bound = plain.bind(arguments)
    assert bound is not None
    assert bound == bind_call(choose_signature("f", (function,), arguments))


def test_what_is_not_plain_is_left_to_the_search() -> None:
    overloads = (signature(["int4"]), signature(["text"]))
    assert PlainCall.of(overloads) is None
    assert PlainCall.of((msgspec.structs.replace(overloads[0], is_variadic=True),)) is None
    any_type = msgspec.structs.replace(parameter("text", "p"), base="anyelement")
    assert PlainCall.of((msgspec.structs.replace(overloads[0], parameters=(any_type,)),)) is None
    plain = PlainCall.of((signature(["_int4", "point2"]),))
    assert plain is not None
    assert plain.bind({"p0": msgspec.Raw(b"1"), "p1": msgspec.Raw(b"2")}) is None
    assert plain.bind([msgspec.Raw(b"[1]"), msgspec.Raw(b"null")]) is None
    assert plain.bind([msgspec.Raw(b'"{1}"'), msgspec.Raw(b"{}")]) is None
    assert plain.bind([msgspec.Raw(b"null")]) is None
    for sent in ([b"5", b"null"], [b"null", b"5"]):
        assert plain.bind([msgspec.Raw(each) for each in sent]) is None
