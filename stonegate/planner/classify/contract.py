"""What callers of a routine will notice when it changes (behaviour, §10 "Contract of the functions")."""

from __future__ import annotations

from collections.abc import Iterator

from stonegate.model.catalog import Parameter, Routine

_INPUT = frozenset({"in", "inout", "variadic"})
_OUTPUT = frozenset({"out", "inout", "table"})


def breaking_changes(desired: Routine | None, live: Routine) -> tuple[str, ...]:
    """What breaks calls that worked so far, one sentence each; () when every old call still means the same.

    Args:
        desired: the routine that takes the place of `live` (its input types may differ), or None if nothing does.
    """
    if desired is None:
        return (f"the {live.kind} is removed",)
    return tuple(_differences(desired, live))


def _differences(desired: Routine, live: Routine) -> Iterator[str]:
    if ("procedure" in (desired.kind, live.kind)) and desired.kind != live.kind:
        yield f"the {live.kind} becomes a {desired.kind}"
    yield from _inputs(_parameters(desired, _INPUT), _parameters(live, _INPUT))
    yield from _results(desired, live)


def _parameters(routine: Routine, modes: frozenset[str]) -> tuple[Parameter, ...]:
    return tuple(parameter for parameter in routine.parameters if parameter.mode in modes)


def _inputs(desired: tuple[Parameter, ...], live: tuple[Parameter, ...]) -> Iterator[str]:
    taken: set[int] = set()
    places = {parameter.name: number for number, parameter in enumerate(desired) if parameter.name}
    for number, parameter in enumerate(live):
        found = places.get(parameter.name, number)
        if found >= len(desired) or found in taken or (parameter.name and desired[found].name in _names(live, number)):
            yield f"parameter {_label(parameter, number)} is removed"
            continue
        taken.add(found)
        yield from _one_input(desired[found], parameter, number)
        if found != number:
            yield f"parameter {_label(parameter, number)} moves from place {number + 1} to {found + 1}"
    for number, parameter in enumerate(desired):
        if number not in taken and parameter.default is None and parameter.mode != "variadic":
            yield f"parameter {_label(parameter, number)} is added without a default"


def _names(live: tuple[Parameter, ...], but: int) -> frozenset[str]:
    """Names of the other live parameters: what has one of them in the desired routine is that other parameter."""
    return frozenset(other.name for place, other in enumerate(live) if place != but and other.name)


def _one_input(desired: Parameter, live: Parameter, number: int) -> Iterator[str]:
    label = _label(live, number)
    if live.name and desired.name != live.name:
        yield f"parameter {label} is renamed to {desired.name or 'nothing'}"
    if desired.type != live.type:
        yield f"parameter {label} changes its type from {live.type} to {desired.type}"
    if live.default is not None and desired.default is None:
        yield f"parameter {label} loses its default"
    if "variadic" in (desired.mode, live.mode) and desired.mode != live.mode:
        yield f"parameter {label} is {desired.mode} instead of {live.mode}"


def _label(parameter: Parameter, number: int) -> str:
    return parameter.name or f"${number + 1}"


def _results(desired: Routine, live: Routine) -> Iterator[str]:
    if desired.returns_set != live.returns_set:
        one, many = "one value", "a set of rows"
        yield f"it returns {many if desired.returns_set else one} instead of {many if live.returns_set else one}"
    former, latter = _parameters(live, _OUTPUT), _parameters(desired, _OUTPUT)
    if former and latter:
        yield from _columns(latter, former)
    elif _element(desired.returns) != _element(live.returns):
        yield f"it returns {desired.returns or 'nothing'} instead of {live.returns or 'nothing'}"


def _columns(desired: tuple[Parameter, ...], live: tuple[Parameter, ...]) -> Iterator[str]:
    present = {column.name: column for column in desired}
    for number, column in enumerate(live):
        found = present.get(column.name)
        if found is None:
            yield f"column {_label(column, number)} of the result is removed"
        elif found.type != column.type:
            yield f"column {_label(column, number)} of the result changes from {column.type} to {found.type}"
    if (len(live) == 1 and len(desired) > 1) or (len(live) > 1 and len(desired) == 1):
        yield f"the result has {len(desired)} columns instead of {len(live)}"


def _element(returns: str) -> str:
    return returns.removeprefix("SETOF ")
