"""Options that belong together travel as one value: a command takes a struct, the command line has its fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import get_type_hints

from msgspec import Struct
from msgspec.structs import fields


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer wants it: each parameter that is a struct of options is replaced by its fields.

    The fields are annotated as parameters of a command would be, and have defaults.
    """
    groups: dict[str, type[Struct]] = {}
    flat: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group = parameter.annotation
        if not (isinstance(group, type) and issubclass(group, Struct)):
            flat.append(parameter)
            continue
        groups[parameter.name] = group
        hints = get_type_hints(group, include_extras=True)
        flat += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=field.default,
                annotation=hints[field.name],
            )
            for field in fields(group)
        ]

    @functools.wraps(command)
    def run(**given: object) -> None:
        values = {
            name: group(**{field: given.pop(field) for field in group.__struct_fields__})
            for name, group in groups.items()
        }
        command(**values, **given)

    run.__dict__["__signature__"] = inspect.Signature(flat)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return run
