"""HTTP/1.1 with bounds: httptools accepts headers without limit, and uvicorn waits for them for ever."""

from __future__ import annotations

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stonegate.gateway.answers import encode

#: Request line and headers together (bytes), and how long they may take (seconds).
HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 30.0

_REASONS = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which answers 431 to heads that are too large and hangs up on those that do not come."""

    _head = 0  # bytes that came since the last request was complete
    _fields = 0  # bytes of this head that were taken apart
    _in_head = True
    _refused = False
    _head_timer: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of several."""
        if self._refused:
            return
        if self._in_head:
            self._head += len(data)
            if self._head_timer is None:
                self._wait_for_head()
        super().data_received(data)
        if self._in_head and self._head > HEAD_BYTES:
            self._refuse_head()

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
