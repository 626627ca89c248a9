"""Calls one function from text arguments: the catalog's own types read them, nothing is spliced into SQL."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from msgspec import Struct
from psycopg import sql
from psycopg.rows import dict_row

from stonegate.database.connect import Session, connect
from stonegate.database.failures.explain import message_of, wrap_error
from stonegate.database.sql import load
from stonegate.errors import FunctionNotFound, QueryFailed, UsageError
from stonegate.model.mistyped import did_you_mean
from stonegate.model.names import describe_call, quote_ident

#: An argument that is SQL's NULL.
NULL = "NULL"

_NAMED = re.compile(r"([^\W\d][\w$]*):=(.*)", re.DOTALL)


class Candidate(Struct, frozen=True, kw_only=True):
    """A routine that the name may mean.

    Attributes:
        kind: "f" function, "p" procedure.
        types, names: of the input parameters, format_type; "" for a nameless one.
        defaults: how many of the last ones may be left out.
        outs: names of the OUT parameters of a procedure, for which CALL wants an argument too.
        variadic: element type of the last parameter if it is VARIADIC.
    """

    schema: str
    name: str
    kind: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    outs: tuple[str, ...]
    defaults: int
    variadic: str | None
    is_void: bool

    @property
    def signature(self) -> str:
        """`add(integer, integer)`: what is typed to choose this one."""
        return f"{self.name}({', '.join(self.types)})"

    @property
    def described(self) -> str:
        """`add(a integer, b integer)`: what a refusal tells."""
        parameters = zip(self.names, self.types, strict=True)
        return describe_call(self.name, parameters, defaults=self.defaults, is_variadic=self.variadic is not None)


class CallResult(Struct, frozen=True, kw_only=True):
    """What a call returned.

    Attributes:
        columns: names.
        rows: texts as PostgreSQL prints them, None for NULL.
        documents: each row as PostgreSQL's JSON object.
        notices: what the function raised with NOTICE or WARNING.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    documents: tuple[msgspec.Raw, ...]
    notices: tuple[str, ...]


async def call_function(conninfo: str, function: str, arguments: Sequence[str]) -> CallResult:
    """Call a function or procedure and commit.

    Args:
        function: a name, with schema or without, or with the types of one overload: `add(integer, integer)`.
        arguments: texts in the input syntax of their types; `NULL` is NULL, `name:=value` names the parameter.

    Raises:
        FunctionNotFound: no routine of that name takes such arguments.
        UsageError: several do; the details list them.
        QueryFailed: it raised an error; PostgreSQL's words are in `cause`.
    """
    conn = await connect(conninfo, as_caller=True)
    notices: list[str] = []
    conn.add_notice_handler(lambda notice: notices.append(f"{notice.severity}: {notice.message_primary}"))
    try:
        candidates = await _read_candidates(conn, function)
        if not candidates:
            raise await _no_function(conn, function)
        routine = _choose(candidates, function, arguments)
        return await _run(conn, routine, arguments, notices)
    except psycopg.Error as error:
        raise wrap_error(error, f"{function} failed", kind=QueryFailed, database=conn.info.dbname) from error
    finally:
        await conn.close()


async def _read_candidates(conn: Session, function: str) -> list[Candidate]:
    """The routines of that name: in the named schema, or in the first one of the search_path that has any."""
    name = function.partition("(")[0].strip()
    async with conn.cursor(row_factory=dict_row) as cursor:
        try:
            await cursor.execute(load("call/candidates").encode(), {"name": name})
        except psycopg.errors.InvalidParameterValue as error:  # from parse_ident
            quoted = quote_ident(name)
            raise FunctionNotFound(
                f"{name} cannot be the name of a function as it stands",
                cause=message_of(error),
                hint=f"in SQL it is written {quoted}: stonegate call {shlex.quote(quoted)} …",
            ) from error
        rows = await cursor.fetchall()
    facts: list[dict[str, Any]] = [
        {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()} for row in rows
    ]
    return [Candidate(**each) for each in facts]


async def _no_function(conn: Session, function: str) -> FunctionNotFound:
    known = [name for (name,) in await (await conn.execute(load("call/names").encode())).fetchall()]
    listed = "\\df *.* in psql lists all; SCHEMA.NAME is another schema's"
    hint = did_you_mean(function.partition("(")[0].rpartition(".")[2], known, listed)
    return FunctionNotFound(f"there is no function {function}", hint=hint)


def _choose(candidates: list[Candidate], function: str, arguments: Sequence[str]) -> Candidate:
    chosen = candidates
    if "(" in function:
        wanted = _squeeze(function.partition("(")[2].rpartition(")")[0])
        chosen = [each for each in candidates if _squeeze(", ".join(each.types)) == wanted]
        if not chosen:
            raise FunctionNotFound(f"there is no function {function}", details=_describe(candidates))
    _refuse_unknown_names(chosen, function, arguments)
    fitting = [each for each in chosen if _takes(each, arguments)]
    if not fitting:
        hint = "NULL is an argument too; name:=value leaves others at their defaults"
        if any(each.variadic is not None and _split(each, arguments)[1] for each in chosen):
            hint = "a VARIADIC function that is given a name wants every parameter, the array as name:='{…}'"
        raise FunctionNotFound(
            f"no function {function} takes {len(arguments)} argument{'s' * (len(arguments) != 1)}",
            details=_describe(chosen),
            hint=hint,
        )
    if len(fitting) > 1:
        raise UsageError(
            f"several functions {function} take these arguments",
            details=_describe(fitting),
            hint=f"say which: stonegate call '{fitting[0].signature}' …",
        )
    return fitting[0]


def _describe(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    return tuple(each.described for each in candidates)


def _refuse_unknown_names(candidates: list[Candidate], function: str, arguments: Sequence[str]) -> None:
    """A parameter that none of them has is mistyped, and no text that happens to hold `:=`."""
    known = {name for each in candidates for name in each.names}
    for each in candidates:
        unknown = next((name for name in _split(each, arguments)[1] if name not in known), None)
        if unknown is not None:
            a_text = f"a text that holds := goes to a parameter by name: {next(filter(None, each.names))}:='a:=b'"
            raise FunctionNotFound(
                f"no function {function} has a parameter {unknown}",
                details=_describe(candidates),
                hint=did_you_mean(unknown, known - {""}, a_text),
            )


def _squeeze(types: str) -> str:
    return re.sub(r"\s+", "", types.lower())


def _takes(routine: Candidate, arguments: Sequence[str]) -> bool:
    positional, named = _split(routine, arguments)
    parameters = list(zip(routine.names, routine.types, strict=True))
    if not named.keys() <= {*routine.names}:
        return False
    if routine.variadic is not None and not named:
        return len(positional) >= len(parameters) - (0 if routine.outs else routine.defaults)
    if len(positional) > len(parameters) or named.keys() & {name for name, _ in parameters[: len(positional)]}:
        return False
    # With names PostgreSQL wants VARIADIC and the whole array, and then fills no parameter by its default.
    required = len(parameters) - (0 if routine.variadic is not None else routine.defaults)
    return all(name in named for name, _ in parameters[len(positional) : required])


def _split(routine: Candidate, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Positional arguments, and those with a name: where no parameter has one, there are only texts."""
    positional: list[str] = []
    named: dict[str, str] = {}
    for argument in arguments:
        found = _NAMED.fullmatch(argument) if any(routine.names) else None
        if found is not None:
            named[found[1] if found[1] in routine.names else found[1].lower()] = found[2]
        else:
            positional.append(argument)
    return positional, named


async def _run(conn: Session, routine: Candidate, arguments: Sequence[str], notices: list[str]) -> CallResult:
    parts, given = _as_parts(routine, *_split(routine, arguments))
    call = sql.SQL("{}({})").format(sql.Identifier(routine.schema, routine.name), sql.SQL(", ").join(parts))
    values = [None if value == NULL else value for value in given]
    if routine.kind == "p":
        query = sql.SQL("CALL {}").format(call)
    else:
        # One evaluation gives both forms: the row as text for people, as JSON for programs.
        query = sql.SQL("SELECT {row}.*, row_to_json({row})::text FROM (SELECT * FROM {call}) AS {row}").format(
            row=sql.Identifier("stonegate row"), call=call
        )
    try:
        cursor = await conn.execute(query, values)
    except psycopg.DataError as error:
        failure = wrap_error(error, f"{routine.name} failed", kind=QueryFailed, database=conn.info.dbname)
        if "unnamed portal parameter" in (error.diag.context or ""):  # an argument that its type does not read
            failure.hint = routine.described
        raise failure from error
    return _as_result(cursor, routine, notices)


def _as_parts(
    routine: Candidate, positional: list[str], named: dict[str, str]
) -> tuple[list[sql.Composable], list[str]]:
    """What stands between the parentheses of the call, and the texts of its parameters in that order."""
    fixed = len(routine.types) - (routine.variadic is not None)
    spread: list[str] = []  # for the elements of the VARIADIC array
    if routine.outs:  # they may stand between the others: then only names say what is what
        spread = positional[fixed:]
        named = dict(zip(routine.names[:fixed], positional, strict=False)) | named
        positional = []
    by_name = dict(zip(routine.names, routine.types, strict=True))
    last = routine.names[-1] if routine.variadic is not None else None
    whole = named.pop(last, None) if last is not None else None
    types = [*routine.types[:fixed], *[routine.variadic or ""] * max(len(positional) - fixed, 0)]
    parts: list[sql.Composable] = [_cast(type_) for type_ in types[: len(positional)]]
    parts += [sql.SQL("{} => {}").format(sql.Identifier(name), _cast(by_name[name])) for name in named]
    parts += [sql.SQL("{} => NULL").format(sql.Identifier(name)) for name in routine.outs]
    texts = [*positional, *named.values(), *spread]
    if last is not None and (whole is not None or spread):  # PostgreSQL wants it behind all others
        array = sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join([_cast(routine.variadic or "")] * len(spread)))
        if whole is not None:
            array, texts = _cast(by_name[last]), [*texts, whole]
        parts.append(sql.SQL("VARIADIC {} => {}").format(sql.Identifier(last), array))
    return parts, texts


def _cast(type_: str) -> sql.Composed:
    """A parameter of that type; the name comes from format_type, which quotes it."""
    return sql.SQL("%s::{}").format(sql.SQL(type_.replace("%", "%%")))


def _as_result(cursor: psycopg.AsyncCursor[Any], routine: Candidate, notices: list[str]) -> CallResult:
    result = cursor.pgresult
    if result is None or cursor.description is None:
        return CallResult(columns=(), rows=(), documents=(), notices=tuple(notices))
    columns = [column.name for column in cursor.description]
    rows = [
        tuple(
            None if (cell := result.get_value(row, column)) is None else cell.decode() for column in range(len(columns))
        )
        for row in range(result.ntuples)
    ]
    if routine.kind == "p":
        documents = [msgspec.Raw(msgspec.json.encode(dict(zip(columns, row, strict=True)))) for row in rows]
        return CallResult(columns=tuple(columns), rows=tuple(rows), documents=tuple(documents), notices=tuple(notices))
    if routine.is_void:  # row_to_json says "" (http-contract)
        return CallResult(
            columns=(routine.name,),
            rows=((None,),),
            documents=(msgspec.Raw(msgspec.json.encode({routine.name: None})),),
            notices=tuple(notices),
        )
    return CallResult(
        columns=tuple(columns[:-1]),
        rows=tuple(row[:-1] for row in rows),
        documents=tuple(msgspec.Raw((row[-1] or "null").encode()) for row in rows),
        notices=tuple(notices),
    )
