"""A session for `/call`: functions as the catalog has them, and statements with text parameters.

This is the whole of what the gateway knows of a connection: `open_session`, `CallSession.read_functions` and what it
inherits from `Pipeline`.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from stonegate.database.call.pipeline import Pipeline
from stonegate.database.call.statement import Statement
from stonegate.database.connect import connect
from stonegate.database.sql import load
from stonegate.model.names import describe_call

APPLICATION: Final = "stonegate call"


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """An input parameter as the catalog has it; `base`, `kind` and `category` are those below any domain."""

    name: str
    oid: int
    type: str
    kind: str
    category: str
    base: str
    element: int | None = None
    element_type: str | None = None
    element_kind: str | None = None
    element_base: str | None = None
    delimiter: str | None = None


class FunctionSignature(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the search_path; `place` is its schema's position there, `defaults` how many may be left out.

    `after` are the commands that take away what it leaves in the session; `version` is another one with each change.
    """

    schema: str
    name: str
    place: int
    is_void: bool
    defaults: int
    is_variadic: bool
    parameters: tuple[Parameter, ...]
    after: tuple[str, ...] = ()
    version: str = ""

    @property
    def described(self) -> str:
        """`add(a integer, b integer)`."""
        parameters = ((each.name, each.type) for each in self.parameters)
        return describe_call(self.name, parameters, defaults=self.defaults, is_variadic=self.is_variadic)


async def open_session(conninfo: str, *, statement_timeout_s: float, most: int = 0) -> CallSession:
    """Log in; the session is in UTC, and spares us notices, which nobody would read.

    Args:
        most: bytes of an answer, about; 0 for any number.

    Raises:
        ConnectionFailed, DatabaseNotFound: the server, or the database, does not let us in.
    """
    options = f"-c statement_timeout={int(statement_timeout_s * 1000)} -c client_min_messages=error"
    conn = await connect(conninfo, application_name=APPLICATION, options=options, as_caller=True)
    return CallSession(conn, most, statement_timeout_s or math.inf)


class Functions(msgspec.Struct, frozen=True, kw_only=True):
    """The functions of one name, what database and role have SET for sessions to come, and this one's settings.

    `is_littered` if earlier calls have PREPAREd statements in it.
    """

    session: str
    is_littered: bool
    settings: str | None
    functions: tuple[FunctionSignature, ...]


class CallSession(Pipeline):
    """A connection that knows how to ask for functions."""

    async def read_functions(self, name: str) -> Functions:
        """The functions of that name on the search_path; of equal signatures the one that shadows the others."""
        (row,) = await self.run(Statement(sql=load("call/signatures"), types=(0,)), [name.encode()])
        found = msgspec.json.decode(row or b"", type=Functions)
        visible: dict[tuple[int, ...], FunctionSignature] = {}
        for signature in sorted(found.functions, key=lambda each: each.place):
            visible.setdefault(tuple(parameter.oid for parameter in signature.parameters), signature)
        return msgspec.structs.replace(found, functions=tuple(visible.values()))
