"""HTTP/1.1 with bounds: httptools accepts headers without limit, and uvicorn waits for them for ever.

Beyond ASGI it offers the application an `Exchange` per request: the body if it is there, one write for a whole answer,
and word of a client that hangs up.
"""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from stonegate.gateway.answers import Scope, encode

#: Request line and headers together (bytes), and how long they may take (seconds).
HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 30.0

_REASONS = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}


class Exchange:
    """One request and its answer on the wire; the extension of that name in the scope.

    Attributes:
        on_hang_up: called, once, when the client is gone before it was answered.
    """

    __slots__ = ("_cycle", "on_hang_up")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self.on_hang_up: Callable[[], None] | None = None

    @staticmethod
    def of(scope: Scope) -> Exchange:
        """The exchange of a request."""
        exchange: Exchange = scope["extensions"]["stonegate.exchange"]
        return exchange

    def take_body(self, cap: int) -> bytes | None:
        """The whole body if all of it is there and within the cap (bytes); None if it is to be received."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or len(cycle.body) > cap:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        cycle.message_event.clear()
        return body

    async def answer(self, head: bytes, parts: Sequence[bytes]) -> None:
        """Answer in one write.

        Args:
            head: status line and headers, Content-Length among them, each with its line end.
            parts: of the body.
        """
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        cycle.response_started = cycle.response_complete = True
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        cycle.transport.writelines((head, end, *parts))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which answers 431 to heads that are too large and hangs up on those that do not come."""

    _head = 0  # bytes that came since the last request was complete
    _fields = 0  # bytes of this head that were taken apart
    _in_head = True
    _refused = False
    _head_timer: TimerHandle | None = None
    _exchange: Exchange | None = None  # the one that the application is at

    def connection_made(self, transport: Any) -> None:
        """A client."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
        super().connection_lost(exc)
        if self._exchange is not None and self._exchange.on_hang_up is not None:
            self._exchange.on_hang_up()
        self._exchange = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._exchange = Exchange(cycle)
        scope: Any = cycle.scope
        scope["extensions"] = {"stonegate.exchange": self._exchange}
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of several."""
        if self._refused:
            return
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head:
            if self._head > HEAD_BYTES:
                self._refuse_head()
            elif self._head_timer is None:
                self._wait_for_head()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._in_head, self._fields = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request line."""
        self._fields += len(url)
        if self._fields <= HEAD_BYTES:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._fields += len(name) + len(value) + 4
        if self._fields <= HEAD_BYTES:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head, self._head = False, 0
        self._stop_waiting()
        if self._fields > HEAD_BYTES:
            self._refuse_head()
        elif not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._in_head, self._head = True, 0
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered in the form of all errors."""
        self._refuse(400, "invalid_request", msg)

    def _refuse_head(self) -> None:
        if not self._refused:
            self._refuse(431, "invalid_request", f"the headers are larger than the {HEAD_BYTES:,} bytes allowed")

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._refused = True
        body = encode({"error": code, "message": message})
        head = b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(head % (status, _REASONS[status], len(body)) + body)
            self.transport.close()

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()
