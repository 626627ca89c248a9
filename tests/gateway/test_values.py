"""JSON values as the texts of parameters, by themselves: what is quoted, what is refused, and of which type it is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from stonegate.database.call.session import Parameter
from stonegate.errors import UsageError
from stonegate.gateway.call.values import (
    LARGE_BYTES,
    bind_polymorphic_null,
    bind_polymorphic_text,
    bind_value,
    element_of,
    family_of,
)
from tests.gateway.test_plain_calls import parameter


def array_of(base: str, *, kind: str = "b", delimiter: str = ",") -> Parameter:
    """A parameter for arrays of that type."""
    element: dict[str, Any] = {"element": 7, "element_type": base, "element_kind": kind, "element_base": base}
    return replace(parameter("_int4", "p"), oid=8, type=f"{base}[]", base=f"_{base}", delimiter=delimiter, **element)


def bound(given: Parameter | str, json: str) -> tuple[str, int, str | None]:
    """What becomes of a value for that parameter."""
    made = bind_value(parameter(given, "p") if isinstance(given, str) else given, msgspec.Raw(json.encode()))
    return made.expression, made.type, None if made.value is None else made.value.decode()


def any_of(base: str) -> Parameter:
    """A polymorphic parameter."""
    return replace(parameter("text", "p"), base=base)


@pytest.mark.parametrize(
    ("given", "json", "text"),
    [
        ("int4", "null", None),
        ("int4", "1.50", "1.50"),
        ("text", r'"a\"b\\\u00e4"', 'a"b\\ä'),
        ("text", "true", "true"),
        ("jsonb", '{"a": [1]}', '{"a": [1]}'),
        ("json", "[1]", "[1]"),
        ("jsonb", '"x"', "x"),
        ("bytea", "[0, 16, 255]", r"\x0010ff"),
        ("bytea", '"abc"', "abc"),
        ("bytea", "5", "5"),
        ("_int4", "null", None),
        ("_int4", '"{1}"', "{1}"),
        (array_of("int4"), "[]", "{}"),
        (array_of("int4"), '[1, null, "2", true]', '{"1",NULL,"2","true"}'),
        (array_of("int4"), "[[1], [2]]", '{{"1"},{"2"}}'),
        (array_of("int4"), "[" * 6 + "1" + "]" * 6, "{" * 6 + '"1"' + "}" * 6),
        (array_of("text"), r'["a\"b", "c\\d", "e,f", "{g}", "", "null"]', r'{"a\"b","c\\d","e,f","{g}","","null"}'),
        (array_of("box", delimiter=";"), '["(1,2),(3,4)", null]', '{"(1,2),(3,4)";NULL}'),
        (array_of("jsonb"), '[{"a": "b"}, [1], null, "x"]', r'{"{\"a\": \"b\"}","[1]",NULL,"x"}'),
        (array_of("bytea"), "[[1, 2], null]", r'{"\\x0102",NULL}'),
        (array_of("bytea"), "[5]", '{"5"}'),
        (array_of("point2", kind="c"), '["(1,x)"]', '{"(1,x)"}'),
    ],
)  # fmt: skip
def test_a_value_is_bound_as_its_text(given: Parameter | str, json: str, text: str | None) -> None:
    oid = given.oid if isinstance(given, Parameter) else parameter(given, "p").oid
    assert bound(given, json) == ("{}", oid, text)


@pytest.mark.parametrize(
    ("given", "json"),
    [
        ("int4", "[1]"),
        ("text", "{}"),
        ("bytea", "[256]"),
        ("bytea", "[-1]"),
        ("bytea", "[1.5]"),
        ("bytea", "[1" + "0" * 5000 + "]"),
        ("bytea", "[-1" + "0" * 400 + "]"),
        ("bytea", '["a"]'),
        (array_of("int4"), "{}"),
        (array_of("int4"), "[{}]"),
        (array_of("int4"), "[" * 7 + "1" + "]" * 7),
        (array_of("bytea"), "[[[1]]]"),
        ("text", r'"\u0000"'),
        ("text", r'"\ud800"'),
        ("text", r'"\udc00\ud800"'),
        (array_of("text"), r'["\u0000"]'),
        (any_of("anyarray"), "[[1]]"),
        (any_of("anyelement"), r'"\u0000"'),
    ],
)
def test_a_value_that_a_type_cannot_have_is_refused(given: Parameter | str, json: str) -> None:
    with pytest.raises(UsageError):
        bound(given, json)


def test_objects_are_taken_apart_by_postgresql() -> None:
    composite = parameter("point2", "p")
    assert bound(composite, '{"x": 1}') == ("pg_catalog.jsonb_populate_record(NULL::point2, {})", 3802, '{"x": 1}')
    with pytest.raises(UsageError):
        bound(composite, "[1]")
    array = array_of("point2", kind="c")
    from_jsonb = (
        "(SELECT r.v FROM pg_catalog.jsonb_to_record(pg_catalog.jsonb_build_object('v', {})) AS r (v point2[]))"
    )
    assert bound(array, '[{"x": 1}, null]') == (from_jsonb, 3802, '[{"x": 1}, null]')
    large = "[" + ",".join(["1"] * LARGE_BYTES) + "]"
    from_json = from_jsonb.replace("jsonb", "json")
    assert bound(array_of("int4"), large) == (from_json.replace("point2", "int4"), 114, large)
    exact = '["' + "x" * (LARGE_BYTES - 4) + '"]'
    assert bound(array_of("text"), exact)[0] == "{}" != bound(array_of("text"), exact.replace("x", "xx", 1))[0]
    for element, value in (("text", r'"\u0000"'), ("text", "{}"), ("bytea", "[300]")):
        with pytest.raises(UsageError):  # in our words, and not in PostgreSQL's
            bound(array_of(element), f"[{large}, {value}]")
    assert bound(array_of("jsonb"), f"[{large}]")[0] == "{}"


@pytest.mark.parametrize(
    ("json", "oid", "text"),
    [
        ("null", 25, None),
        (r'"a\u00e4"', 25, "aä"),
        ("true", 16, "true"),
        ("false", 16, "false"),
        ('{"a": 1}', 3802, '{"a": 1}'),
        ("0", 23, "0"),
        ("-2147483648", 23, "-2147483648"),
        ("2147483647", 23, "2147483647"),
        ("-2147483649", 20, "-2147483649"),
        ("2147483648", 20, "2147483648"),
        ("9223372036854775807", 20, "9223372036854775807"),
        ("-9223372036854775808", 20, "-9223372036854775808"),
        ("9223372036854775808", 1700, "9223372036854775808"),
        ("-9223372036854775809", 1700, "-9223372036854775809"),
        ("10000000000000000000000", 1700, "10000000000000000000000"),
        ("1.0", 1700, "1.0"),
        ("1e3", 1700, "1e3"),
        ("[]", 1009, "{}"),
        ("[null]", 1009, "{NULL}"),
        ("[1, null]", 1007, '{"1",NULL}'),
        ("[1, 2147483648]", 1016, '{"1","2147483648"}'),
        ("[2147483648, 1.5]", 1231, '{"2147483648","1.5"}'),
        ("[1, 2147483648, 1.5]", 1231, '{"1","2147483648","1.5"}'),
        ("[true]", 1000, '{"true"}'),
        (r'["a\"b", "null"]', 1009, r'{"a\"b","null"}'),
        ('[{"a": "b"}]', 3807, r'{"{\"a\": \"b\"}"}'),
        ('[1, "a"]', 3807, r'{"1","\"a\""}'),
        ('[1, "a", true]', 3807, r'{"1","\"a\"","true"}'),
    ],
)
def test_a_value_for_any_type_is_of_the_type_of_such_a_literal(json: str, oid: int, text: str | None) -> None:
    for base in ("anyelement", "anynonarray", "any", "anycompatible", "anycompatiblenonarray"):
        assert bound(any_of(base), json) == ("{}", oid, text)


def test_polymorphic_types_of_a_family_have_to_agree() -> None:
    families = {"anyarray": "anyelement", "anyelement": "anyelement", "anycompatiblearray": "anycompatible"}
    families |= {"anycompatible": "anycompatible", "any": "", "text": "", "int4": ""}
    assert {base: family_of(any_of(base)) for base in families} == families
    for base, is_element, is_told, expected in (
        ("anyelement", False, True, ("NULL", 25)),
        ("anyarray", False, True, ("NULL", 25)),
        ("anyarray", False, False, ("{}", 1009)),
        ("anycompatiblearray", False, False, ("{}", 1009)),
        ("anyarray", True, False, ("{}", 25)),
        ("anyelement", False, False, ("{}", 25)),
    ):
        null = bind_polymorphic_null(any_of(base), is_element=is_element, is_told=is_told)
        assert (null.expression, null.type, null.value) == (*expected, None)
    text = bind_polymorphic_text(msgspec.Raw(b'"a"'))
    assert (text.type, text.value) == (0, b"a")


def test_the_element_of_an_array_is_a_scalar_of_its_own_type() -> None:
    element = element_of(array_of("point2", kind="c"))
    assert (element.oid, element.type, element.base, element.kind, element.category) == (
        7,
        "point2",
        "point2",
        "c",
        "C",
    )
    assert bound(element, '{"x": 1}')[1] == 3802
    plain = element_of(array_of("int4"))
    assert (plain.oid, plain.base, plain.category, plain.element) == (7, "int4", "U", None)
    same = element_of(parameter("int4", "p"))
    assert (same.oid, same.type, same.category) == (23, "int4", "U")
