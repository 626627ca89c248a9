"""`stonegate types`: which changes of a column's type are safe, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.output import expect_json, show, stdout, write_json
from stonegate.cli.render.lines import indented, table
from stonegate.cli.source import load_tree
from stonegate.errors import StonegateError, UsageError
from stonegate.model.foreign_types import FOREIGN_TYPES
from stonegate.model.mistyped import did_you_mean
from stonegate.settings import read_settings

if TYPE_CHECKING:
    from stonegate.planner.classify.type_matrix import MatrixRow
    from stonegate.source.declared_types import DeclaredTypes


def types(
    old: Annotated[str | None, typer.Argument(metavar="FROM", help="The type of a column.")] = None,
    new: Annotated[str | None, typer.Argument(metavar="TO", help="The type that it shall get.")] = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Print which changes of a column's type are safe, dataloss or incompatible; or one of them with its reason.

    `stonegate types 'varchar(40)' 'varchar(20)'`
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    from stonegate.planner.classify.own_types import OwnTypes
    from stonegate.planner.classify.type_matrix import MatrixRow, matrix_rows, type_change
    from stonegate.source.declared_types import DeclaredTypes

    declared = _read_declared() if old is not None else DeclaredTypes()
    for text in (old, new):
        if text is not None:
            _require_type(text, declared)
    if old is not None and new is not None:
        own = OwnTypes(domains=declared.domains, unchecked=declared.unchecked, enums=declared.enums)
        verdict = type_change(_canonical(old), _canonical(new), own)
        row = MatrixRow(old=old, new=new, verdict=verdict)
        if as_json:
            write_json(_document(row))
        else:
            show(*_cell(row))
        return
    rows = [row for row in matrix_rows() if old is None or _canonical(old) in (row.old, row.old.partition("(")[0])]
    if not rows:
        raise UsageError(f"the matrix has no row for {old}", hint=f"stonegate types '{old}' TO")
    if as_json:
        write_json([_document(row) for row in rows])
        return
    cells = [(row.old, row.new, row.verdict.change_class.value, row.verdict.reason) for row in rows]
    show(*table(stdout(), ("from", "to", "class", "why"), cells))


def _require_type(text: str, declared: DeclaredTypes) -> None:
    """Refuses what is no type, and a bare name that is neither PostgreSQL's, nor of a well-known extension, nor that of
    a type or relation of the folder: mistyped, it would get an answer that is true of no type."""
    from stonegate.planner.classify.type_matrix import ALIASES
    from stonegate.source.syntax.grammar import parse_type_name
    from stonegate.source.syntax.type_names import is_well_known, qualified, well_known_names

    node = parse_type_name(text)
    if node is None:
        raise UsageError(f"{text!r} is no name of a type", hint="stonegate types 'numeric(8,2)' text")
    schema, name = qualified(node["names"])
    if schema is not None or '"' in text or is_well_known(schema, name):
        return
    if name not in declared.names:
        known = dict.fromkeys((*ALIASES, *ALIASES.values(), *well_known_names(), *sorted(declared.names)))
        otherwise = f"one that only a database has is written with its schema: public.{name}"
        own = FOREIGN_TYPES.get(name)
        raise UsageError(
            f"there is no type {name} that PostgreSQL or the folder has",
            hint=f"PostgreSQL calls it {own}" if own is not None else did_you_mean(name, known, otherwise),
        )


def _read_declared() -> DeclaredTypes:
    """The types of the folder of the settings, if one can be read."""
    from stonegate.source.declared_types import DeclaredTypes, declared_types

    try:
        return declared_types(load_tree(read_settings()))
    except StonegateError:
        return DeclaredTypes()


def _canonical(text: str) -> str:
    """The type as format_type prints it, so that `int` and `INTEGER` are found in the matrix as one."""
    from stonegate.planner.classify.type_matrix import parse_type
    from stonegate.planner.classify.type_rules import SqlType

    match parse_type(text.lower() if '"' not in text else text):
        case SqlType(base=base, modifiers=modifiers, fields=fields, array=array):
            limit = f"({','.join(map(str, modifiers))})" if modifiers else ""
            if limit and base.startswith("time"):
                word, _, zone = base.partition(" ")
                base, limit = f"{word}{limit} {zone}", ""
            return f"{base}{' ' + fields if fields else ''}{limit}{'[]' if array else ''}"


def _document(row: MatrixRow) -> dict[str, Any]:
    verdict = row.verdict
    return {
        "from": row.old,
        "to": row.new,
        "class": verdict.change_class.value,
        "reason": verdict.reason,
        "using": verdict.using,
        "via": verdict.via,
        "rewrites": verdict.rewrites,
        "instead": verdict.instead.format(column="c") if verdict.instead is not None else None,
    }


def _cell(row: MatrixRow) -> list[Text]:
    verdict = row.verdict
    console = stdout()
    lines = [Text.assemble(f"{row.old} → {row.new}: ", (verdict.change_class.value, "bold"))]
    lines += indented(console, verdict.reason, 2)
    if verdict.instead is not None:
        using = verdict.instead.format(column="c")
        lines += indented(console, f"write a migration: ALTER COLUMN c TYPE {row.new} USING {using}", 2)
    elif verdict.using:
        lines += indented(console, f"ALTER COLUMN c TYPE {row.new} USING {verdict.render_using('c', row.new)}", 2)
    lines += indented(console, "writes the table anew" if verdict.rewrites else "changes the catalog only", 2)
    if verdict.change_class != "safe" and verdict.instead is None:
        lines += indented(console, "consent: --allow modify_column_type:TABLE.COLUMN", 2)
    return lines
