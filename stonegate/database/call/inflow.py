"""How much of an answer has come: libpq keeps all of it in memory, and tells nobody how much that is."""

from __future__ import annotations

import fcntl
import sys
import termios
from typing import Final

from stonegate.errors import QueryFailed

#: Readings after which an answer is measured.
_FEW: Final = 8
#: What libpq takes in one reading at most, as long as no row is longer (bytes; fe-connect.c, inBufSize).
_USUAL: Final = 16 * 1024
_LIMIT: Final = "54000"  # program_limit_exceeded (manual, appendix A)


class Inflow:
    """Counts what is read from a socket of answers that take many readings; others cost an addition each.

    Args:
        socket: of the connection.
        most: bytes of an answer from which on it is too large; 0 for none.

    Attributes:
        was_too_much: of the last answer that was complete.
    """

    __slots__ = ("_before", "_largest", "_most", "_readings", "_size", "_socket", "was_too_much")

    def __init__(self, socket: int, most: int) -> None:
        self._socket = socket
        self._most = most
        self._readings = self._size = self._before = 0
        self.was_too_much = False
        self._largest = _USUAL  # libpq's buffer grows with the rows, and stays as it is

    def begin(self) -> bool:
        """An answer was complete: what comes now is of another one.

        Returns:
            False if the connection should go: libpq keeps room for the longest row, or error, until then.
        """
        self.was_too_much = 0 < self._most < self._size
        self._readings = self._size = 0
        return not self.was_too_much

    def before_reading(self) -> None:
        """The next bytes are about to be read."""
        self._readings += 1
        if self._most and self._readings > _FEW:
            self._before = self._waiting()

    def is_too_much(self) -> bool:
        """Whether, with what was just read, the answer is too large; once for each answer.

        What was there is what was read, as far as libpq takes so much at once: nobody knows what came meanwhile.
        """
        if not self._most or self._readings <= _FEW or self._size > self._most:
            return False
        self._largest = max(self._largest, self._before - self._waiting())
        self._size += min(self._before, self._largest)
        return self._size > self._most

    def refusal(self) -> QueryFailed:
        """What became of the call, once it is cancelled."""
        return QueryFailed(
            f"the answer is larger than the {self._most:,} bytes allowed",
            hint="ask for fewer rows at a time, or raise MAX_ANSWER_MB",
            sqlstate=_LIMIT,
        )

    def _waiting(self) -> int:
        """Bytes that the kernel has for us (tcp(7), unix(7): SIOCINQ)."""
        return int.from_bytes(fcntl.ioctl(self._socket, termios.FIONREAD, bytes(4)), sys.byteorder)
