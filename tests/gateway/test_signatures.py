"""Which function a call means, by itself: overloads told apart by JSON values, arity, names, defaults and VARIADIC."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from stonegate.database.call.session import FunctionSignature, Parameter
from stonegate.errors import FunctionNotFound, UsageError
from stonegate.gateway.call.signatures import MOST_ARGUMENTS, bind_call, choose_signature, void_rows

KINDS = {"mood": "e", "point2": "c", "record": "p"}


def parameter(base: str, name: str = "") -> Parameter:
    """A parameter of that type; `_int4` is an array."""
    if not base.startswith("_"):
        return Parameter(name=name, oid=1, type=base, kind=KINDS.get(base, "b"), category="X", base=base)
    of = {"element": 2, "element_type": base[1:], "element_kind": KINDS.get(base[1:], "b"), "element_base": base[1:]}
    return Parameter(name=name, oid=3, type=f"{base[1:]}[]", kind="b", category="A", base=base, delimiter=",", **of)  # type: ignore[arg-type]


def function(*bases: str, defaults: int = 0, is_variadic: bool = False, is_void: bool = False) -> FunctionSignature:
    """A function `f` whose parameters are called p0, p1, …; one that is written "=int4" has no name."""
    parameters = tuple(
        parameter(base.removeprefix("="), "" if base[0] == "=" else f"p{number}") for number, base in enumerate(bases)
    )
    return FunctionSignature(
        schema="public",
        name="f",
        place=1,
        is_void=is_void,
        defaults=defaults,
        is_variadic=is_variadic,
        parameters=parameters,
    )


def arguments_of(json: str) -> Any:
    """A list or an object of values."""
    kind: Any = dict[str, msgspec.Raw] if json[0] == "{" else list[msgspec.Raw]
    return msgspec.json.decode(json, type=kind)


def called(json: str, *functions: FunctionSignature) -> tuple[str, list[str | None]]:
    """The call that is chosen, as SQL, and its values."""
    statement, values = bind_call(choose_signature("f", functions, arguments_of(json)))
    sql = statement.sql.removeprefix("SELECT pg_catalog.row_to_json(r.*)::pg_catalog.text FROM (SELECT * FROM ")
    return sql.removesuffix(") AS r"), [None if value is None else value.decode() for value in values]


@pytest.mark.parametrize(
    ("json", "order"),
    [
        ("1", "int4 > int8 = int2 > numeric > float8 > float4 > jsonb = json = anyelement > money > text = date"),
        ("-32768", "int4 > int8 = int2 > numeric"),
        ("-32769", "int4 > int8 > numeric > int2"),
        ("32768", "int4 > int8 > numeric > int2"),
        ("2147483647", "int4 > int8"),
        ("2147483648", "int8 > numeric > jsonb > int4 = text"),
        ("-2147483648", "int4 > int8"),
        ("-2147483649", "int8 > numeric > int4"),
        ("9223372036854775807", "int8 > numeric"),
        ("9223372036854775808", "numeric > int8"),
        ("-9223372036854775809", "numeric > int8"),
        ("12345678901234567890", "numeric > float8 > int8"),
        ("1.5", "numeric > float8 > float4 > money > jsonb = anyelement > int4 = text"),
        ("1e3", "numeric > float8 > float4 > money > jsonb > int4"),
        ('"x"', "text > varchar = citext > bpchar > name > mood > int4 = date = jsonb > _text = point2"),
        ("true", "bool > jsonb = json = anyelement > text = int4"),
        ("false", "bool > jsonb > text"),
        ("[1]", "_int4 = anyarray = anycompatiblearray > bytea > jsonb = json > anyelement = any = anycompatible"),
        ("[1]", "_int4 = _text"),
        ("{}", "point2 = record > jsonb = json > anyelement = anynonarray = anycompatiblenonarray"),
        ("null", "int4 = text = _int4 = jsonb = bool"),
    ],
)
def test_a_value_chooses_the_type_that_suits_it_best(json: str, order: str) -> None:
    ranks = [rank.split(" = ") for rank in order.split(" > ")]
    for place, rank in enumerate(ranks):
        for best in rank:
            for other in (*(ranks[place + 1] if place + 1 < len(ranks) else ()), *rank):
                if other in rank[: rank.index(best) + 1]:
                    continue
                both = [function(best), function(other)]
                for functions in (both, both[::-1]):
                    if other not in rank:
                        assert choose_signature("f", functions, arguments_of(f"[{json}]")).signature is both[0]
                        continue
                    with pytest.raises(UsageError, match="ambiguous") as caught:
                        choose_signature("f", functions, arguments_of(f"[{json}]"))
                    assert len(caught.value.details) == 2


@pytest.mark.parametrize(
    ("json", "base"),
    [
        *(("1", "_int4"), ("1.5", "point2"), ("true", "_bool"), ("[1]", "text"), ("[1]", "point2")),
        *(("{}", "int4"), ("{}", "_point2"), ("{}", "bytea")),
    ],
)
def test_some_types_take_no_such_value(json: str, base: str) -> None:
    with pytest.raises(UsageError, match="no function f takes values of these JSON types") as caught:
        called(f"[1, {json}]", function("int4", base))
    assert caught.value.details == (function("int4", base).described,)
    assert called(f"[1, {json}]", function("int4", base), function("text", "json"))[0] == "public.f($1, $2)"


@pytest.mark.parametrize(
    ("json", "bases", "more", "sql", "values"),
    [
        ("[]", (), {}, "()", []),
        ("[1]", ("int4", "int4"), {"defaults": 1}, "($1)", ["1"]),
        ("[]", ("int4", "int4"), {"defaults": 2}, "()", []),
        ("{}", ("int4",), {"defaults": 1}, "()", []),
        ("{}", ("text", "_int4"), {"defaults": 2, "is_variadic": True}, "()", []),
        ('{"p1": 2, "p0": 1}', ("int4", "int4"), {}, "(p0 => $1, p1 => $2)", ["1", "2"]),
        ('{"p1": 2}', ("int4", "int4"), {"defaults": 2}, "(p1 => $1)", ["2"]),
        ("[1, 2]", ("_int4",), {"is_variadic": True}, "($1, $2)", ["1", "2"]),
        ("[[1, 2]]", ("_int4",), {"is_variadic": True}, "(VARIADIC $1)", ['{"1","2"}']),
        ('["{1}"]', ("_int4",), {"is_variadic": True}, "($1)", ["{1}"]),
        ("[null]", ("_int4",), {"is_variadic": True}, "(VARIADIC $1)", [None]),
        ("[null, null]", ("_int4",), {"is_variadic": True}, "($1, $2)", [None, None]),
        ("[[1]]", ("_jsonb",), {"is_variadic": True}, "(VARIADIC $1)", ['{"1"}']),
        ('["a", 1, "x"]', ("text", "any"), {"is_variadic": True}, "($1, $2, $3)", ["a", "1", "x"]),
        ('["x"]', ("any",), {"is_variadic": True}, "($1)", ["x"]),
        ('[["x"]]', ("any",), {"is_variadic": True}, "(VARIADIC $1)", ['{"x"}']),
        ('["x", ["y"]]', ("text", "any"), {"is_variadic": True}, "($1, VARIADIC $2)", ["x", '{"y"}']),
        ("[1, null]", ("any", "_text"), {"is_variadic": True}, "($1, VARIADIC $2)", ["1", None]),
        ("[[1], 2]", ("_int4", "_text"), {"is_variadic": True}, "($1, $2)", ['{"1"}', "2"]),
        ('["x"]', ("text", "_int4"), {"is_variadic": True, "defaults": 1}, "($1)", ["x"]),
        ('{"p0": "x"}', ("text", "_int4"), {"is_variadic": True, "defaults": 1}, "($1)", ["x"]),
        (
            '{"p1": [1], "p0": "x"}',
            ("text", "_int4"),
            {"is_variadic": True},
            "(p0 => $1, VARIADIC p1 => $2)",
            ["x", '{"1"}'],
        ),
        ('[1, null, "x"]', ("anyelement", "anyelement", "anyelement"), {}, "($1, NULL, $3)", ["1", None, "x"]),
        ('[null, "x"]', ("anyelement", "anyelement"), {}, "(NULL, $2)", [None, "x"]),
        ("[[1], null]", ("anyarray", "anyelement"), {}, "($1, NULL)", ['{"1"}', None]),
        ("[1, null]", ("anyelement", "anycompatible"), {}, "($1, $2)", ["1", None]),
        ("[1, null]", ("anyarray",), {"is_variadic": True}, "($1, NULL)", ["1", None]),
    ],
)
def test_the_call_is_written_with_the_parameters_that_were_sent(
    json: str, bases: tuple[str, ...], more: dict[str, Any], sql: str, values: list[str | None]
) -> None:
    written, bound = called(json, function(*bases, **more))
    assert (written, bound) == (f"public.f{sql}", values)


def test_types_are_those_of_the_parameters_and_of_their_elements() -> None:
    fit = choose_signature("f", (function("text", "_int4", is_variadic=True),), arguments_of('["a", 1, null, "2"]'))
    assert bind_call(fit)[0].types == (1, 2, 2, 2)
    mixed = choose_signature("f", (function("anyelement", "anyelement", "text"),), arguments_of('[1, "2", "x"]'))
    assert bind_call(mixed)[0].types == (23, 0, 1)
    for json in ('["a", "2"]', '[null, "2"]'):
        alike = choose_signature("f", (function("anyelement", "anyelement"),), arguments_of(json))
        assert bind_call(alike)[0].types == (25, 25)
    unsaid = replace(function("int4"), after=("RESET ROLE",))
    assert bind_call(choose_signature("f", (unsaid,), arguments_of("[1]")))[0].after == ("RESET ROLE",)


@pytest.mark.parametrize(
    ("json", "functions", "message"),
    [
        ("[]", [function("int4")], r"no function f takes 0 parameters"),
        ("[1]", [function("int4", "int4")], r"no function f takes 1 parameter\b(?!s)"),
        ("[1, 2]", [function("int4")], r"no function f takes 2 parameters"),
        ("{}", [function("int4")], r"no function f takes 0 parameters"),
        ('{"q": 1}', [function("int4")], r"no function f takes the parameters named q"),
        ('{"p0": 1}', [function("int4", "int4")], r"no function f takes the parameters named p0"),
        ('{"": 1}', [function("=int4")], r"no function f takes the parameters named "),
        ('{"p1": 1}', [function("int4", "int4", "_int4", is_variadic=True, defaults=3)], r"the parameters named p1"),
        ("[]", [function("_int4", is_variadic=True)], r"no function f takes 0 parameters"),
        ("[]", [], r"there is no function f"),
    ],
)
def test_a_call_that_no_function_takes_lists_those_that_there_are(
    json: str, functions: list[FunctionSignature], message: str
) -> None:
    with pytest.raises((UsageError, FunctionNotFound), match=message) as caught:
        called(json, *functions)
    assert caught.value.details == tuple(each.described for each in functions)


def test_a_refusal_repeats_little_of_what_was_sent() -> None:
    sent = arguments_of("{" + ",".join(f'"{"n" * 100}{number}":1' for number in range(30)) + "}")
    with pytest.raises(UsageError) as caught:
        choose_signature("f", (function("int4"),), sent)
    assert caught.value.message.count("n" * 63) == 20 and "n" * 64 not in caught.value.message
    for count, message in ((MOST_ARGUMENTS, "takes 10000 parameters"), (MOST_ARGUMENTS + 1, "more than the 10,000")):
        with pytest.raises(UsageError, match=message):
            choose_signature("f", (function("int4"),), [msgspec.Raw(b"1")] * count)


@pytest.mark.parametrize(
    ("json", "functions", "chosen"),
    [
        ("[1]", [function("int4"), function("int4", "int4", defaults=1)], 0),
        ("[1]", [function("int4"), function("_int4", is_variadic=True)], 0),
        ("[1, 2]", [function("int4", "_int4", is_variadic=True), function("int4", "int4")], 1),
        ('["1"]', [function("int4", "int4", "int4", defaults=2), function("date", "int4", defaults=1)], 1),
        ('{"p0": 1}', [function("int4", "int4", defaults=1), function("int4")], 1),
        ('["x", 1]', [function("text", "text"), function("text", "int4")], 1),
        ("[1, [1]]", [function("int4", "int4"), function("text", "jsonb")], 1),
    ],
)
def test_of_functions_that_suit_the_one_with_the_least_left_over(
    json: str, functions: list[FunctionSignature], chosen: int
) -> None:
    for order in (functions, functions[::-1]):
        assert choose_signature("f", order, arguments_of(json)).signature is functions[chosen]


def test_names_are_quoted_and_a_void_function_is_called_for_its_own_sake() -> None:
    quoted = replace(function("int4"), name="select", parameters=(parameter("int4", 'a"b'),))
    assert called('{"a\\"b": 1}', quoted)[0] == 'public."select"("a""b" => $1)'
    statement, _ = bind_call(choose_signature("f", (function(is_void=True),), []))
    assert statement.sql == "SELECT public.f()"
    assert void_rows(function(is_void=True)) == b'[{"f":null}]'
    assert void_rows(function()) is None
