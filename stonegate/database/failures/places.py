"""Where in its file a statement failed: PostgreSQL counts from the start of the statement, or of a routine's body."""

from __future__ import annotations

import re

import psycopg

from stonegate.model.plan import Statement, Step

#: How a routine ends that PostgreSQL printed (pg_get_functiondef): with the tag that its body does not hold.
_CLOSING_TAG = re.compile(r"\$(?:function|procedure)x*\$\Z")


def place_in_file(
    error: psycopg.Error, step: Step | None, statement: Statement | None
) -> tuple[int | None, int | None]:
    """Line and column in the step's file: of the position inside the statement, or inside the routine's body."""
    if step is None or step.file is None:
        return None, None
    if statement is not None and statement.line is not None and error.diag.statement_position is not None:
        before = statement.sql[: int(error.diag.statement_position) - 1]
        below = before.count("\n")
        # On the statement's first line the column depends on what stands before it in the file.
        column = len(before) - before.rfind("\n") if below else None
        return statement.line + below, column
    if statement is not None and step.body_line is not None:
        inside = _line_in_body(error, statement, step.key.name)
        if inside is not None:
            return step.body_line + inside - 1, None
    return step.line if statement is None or statement.line is None else statement.line, None


def _line_in_body(error: psycopg.Error, statement: Statement, name: str) -> int | None:
    """The line of that routine's body, where the statement is not the file's (PostgreSQL printed the routine) or no
    position in it is known (PL/pgSQL counts from the start of the body). Those that it calls have lines, too, unnamed.
    """
    diag, context = error.diag, error.diag.context or ""
    closing = _CLOSING_TAG.search(statement.sql) if statement.line is None else None
    if closing is not None and diag.statement_position is not None:
        opening, position = statement.sql.rindex(closing[0], 0, closing.start()), int(diag.statement_position) - 1
        return statement.sql.count("\n", opening, position) + 1 if position > opening else None
    if diag.internal_query is not None and diag.internal_position is not None and f'"{name}"' in context:
        return diag.internal_query[: int(diag.internal_position) - 1].count("\n") + 1
    found = re.search(rf'"{re.escape(name)}" near line (\d+)', context)
    return int(found.group(1)) if found else None
