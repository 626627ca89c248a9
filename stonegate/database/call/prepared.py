"""The statements that one connection has prepared for its calls, the latest used last."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from psycopg.pq.abc import PGconn

from stonegate.database.call.statement import Statement

#: Prepared statements that one connection keeps; a database has rarely more functions that are called all the time.
MOST_PREPARED: Final = 200


class Prepared:
    """Names of prepared statements.

    Args:
        pgconn: in pipeline mode.
    """

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._names: OrderedDict[Statement, bytes] = OrderedDict()
        self._number = 0

    def find(self, statement: Statement) -> bytes | None:
        """The name of a prepared statement, which is used now; None of one that is not prepared."""
        name = self._names.get(statement)
        if name is not None:
            self._names.move_to_end(statement)
        return name

    def prepare(self, statement: Statement) -> tuple[bytes, int]:
        """Send Parse, and Close for what it replaces, or for what was not used for longest.

        Returns:
            The name, and the number of these messages, each of which is answered.

        Raises:
            psycopg.Error: the connection broke.
        """
        closing = [former] if (former := self._names.pop(statement, None)) is not None else []
        while len(self._names) >= MOST_PREPARED:
            closing.append(self._names.popitem(last=False)[1])
        for name in closing:
            self._pgconn.send_close_prepared(name)
        self._number += 1
        name = self._names[statement] = b"call_%d" % self._number
        self._pgconn.send_prepare(name, statement.sql.encode(), statement.types)
        return name, len(closing) + 1

    def forget(self, statement: Statement, name: bytes) -> None:
        """It was not prepared after all, or is so no more; another one of the same statement stays."""
        if self._names.get(statement) == name:
            del self._names[statement]
