"""Routines of one name: when the one goes and the other comes, so that no call could mean both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action
from stonegate.planner.steps.operations import Verb
from stonegate.planner.steps.ordering.operation_index import OperationIndex


def overloads_gone(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """A routine goes before anything is made that calls another one of its name: the call could mean both."""
    going: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, operation in enumerate(index.operations):
        if operation.key.kind is ObjectKind.ROUTINE and operation.change.action is Action.DROP:
            going[operation.key.schema, operation.key.name].append(number)
    for edge in index.desired.dependencies if going else ():
        if edge.on.kind is ObjectKind.ROUTINE and (edge.on.schema, edge.on.name) in going:
            for second in index.makers(edge.dependent):
                yield from ((first, second) for first in going[edge.on.schema, edge.on.name])


def overloads_held(index: OperationIndex) -> Iterator[tuple[int, int]]:
    """Pairs that outweigh all others, for generated columns that change from one routine to another of its name: the
    new one is made, and the column gets its expression, before the former one goes."""
    for last, operation in enumerate(index.operations):
        if operation.key.kind is not ObjectKind.ROUTINE or operation.verb is not Verb.DROP:
            continue
        for holder in index.live.dependents.get(operation.key, ()):
            altering = [number for number in index.alterers(holder) if index.aspect(number) == "generated"]
            yield from ((number, last) for number in altering)
            for first, other in enumerate(index.operations) if altering else ():
                if (
                    other.verb is Verb.CREATE
                    and other.key != operation.key
                    and holder in index.desired.dependents.get(other.key, ())
                ):
                    yield first, last
