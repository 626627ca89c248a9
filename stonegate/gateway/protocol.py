"""HTTP/1.1 with bounds: httptools accepts headers without limit, and uvicorn waits for them for ever.

Beyond ASGI it offers the application an `Exchange` per request: the body if it is there, one write for a whole answer,
and word of a client that hangs up.
"""

from __future__ import annotations

import fcntl
import re
import sys
import termios
from asyncio import TimerHandle
from collections.abc import Callable, Sequence
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from stonegate.gateway.answers import Scope, encode

#: Request line and headers together, or what stands around a body: trailers, sizes of chunks (bytes).
HEAD_BYTES = 64 * 1024
#: How long a head may take (seconds).
HEAD_SECONDS = 30.0
#: After a refusal so much more is read and thrown away: closed with bytes unread, a connection is reset, and what the
#: client has not read of the answer is lost.
LINGER_BYTES = 64 * 1024 * 1024
LINGER_SECONDS = 5.0
#: A client that takes nothing of its answer for so long is hung up on (seconds).
STALLED_SECONDS = 60.0

#: RFC 9110, 7.2, and RFC 3986, 3.2.2: a name, an IPv4 address or one in brackets, perhaps a port; or nothing.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?\Z")
_REASONS = {400: b"Bad Request", 431: b"Request Header Fields Too Large", 501: b"Not Implemented"}


class Exchange:
    """One request and its answer on the wire; the extension of that name in the scope.

    Attributes:
        on_hang_up: called, once, when the client is gone before it was answered.
        on_end: called, once, when all is over.
    """

    __slots__ = ("_cycle", "on_end", "on_hang_up")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self.on_hang_up: Callable[[], None] | None = None
        self.on_end: Callable[[], None] | None = None

    @staticmethod
    def of(scope: Scope) -> Exchange:
        """The exchange of a request."""
        exchange: Exchange = scope["extensions"]["stonegate.exchange"]
        return exchange

    @property
    def is_received(self) -> bool:
        """Whether all of the request is there, or never will be."""
        return not self._cycle.more_body or self._cycle.disconnected

    def end_after_answer(self) -> None:
        """Close the connection when this is answered."""
        self._cycle.keep_alive = False

    def give_up(self) -> None:
        """Nobody will be answered."""
        if not self._cycle.response_complete:
            self._cycle.disconnected = True
            self._cycle.message_event.set()
        hang_up, self.on_hang_up = self.on_hang_up, None
        if hang_up is not None:
            hang_up()

    def may_be_refused(self, latest: RequestResponseCycle | None) -> bool:
        """Whether this is the latest request, and its answer was not begun."""
        return self._cycle is latest and not self._cycle.response_started

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

    _head = 0  # bytes that came since the last request was complete, or since the last piece of a body
    _fields = 0  # bytes of this head that were taken apart
    _in_head = True
    _is_upgrade = False  # the request asks for another protocol
    _refused = False
    _lingered = 0  # bytes that came after a refusal
    _timer: TimerHandle | None = None  # for the head, or for what comes after a refusal
    _stalled: TimerHandle | None = None
    _exchange: Exchange | None = None  # the one that the application is at

    def connection_made(self, transport: Any) -> None:
        """A client."""
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
        self._watch_writing(None)
        super().connection_lost(exc)
        if self._exchange is not None:
            self._exchange.give_up()
        self._exchange = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._exchange = Exchange(cycle)
        scope: Any = cycle.scope
        scope["extensions"] = {"stonegate.exchange": self._exchange}
        super()._start_asgi_task(cycle, app)

    # --- reading ----------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of several."""
        if self._refused:
            self._lingered += len(data)
            if self._lingered > LINGER_BYTES:
                self.transport.close()
            return
        self._unset_keepalive_if_required()
        self._head += len(data)
        self._parse(data)
        if self._head > HEAD_BYTES:
            self._refuse_head()
        elif self._in_head and self._head and self._timer is None and not self._refused:
            self._wait(HEAD_SECONDS)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._refused:
                self._stay(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("this is no valid HTTP request")

    def _stay(self, rest: bytes) -> None:
        """Answer in HTTP/1.1, as if nobody had asked for another protocol (RFC 9110, 7.8).

        httptools takes what follows such a head for the other protocol's. Java's client asks for HTTP/2 with every
        first request, and its body comes all the same.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self.send_400_response("CONNECT is for proxies")
            return
        self.parser = httptools.HttpRequestParser(self)  # the other one has seen "Connection: close", maybe
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        fields = (b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade")
        self._parse(b"%b %b HTTP/%b\r\n%b\r\n%b" % (method, self.url, version, b"".join(fields), rest))

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
        """One header; or a trailer, which must never pass for one (RFC 9110, 6.5.1)."""
        self._fields += len(name) + len(value) + 4
        if self._in_head and self._fields <= HEAD_BYTES:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head, self._head = False, 0
        self._stop_waiting()
        self._is_upgrade = self.parser.should_upgrade()
        if self._fields > HEAD_BYTES:
            self._in_head = True
            self._refuse_head()
        elif not self._refused and not self._is_upgrade:
            if self._has_host() and self._has_known_coding():
                super().on_headers_complete()
                return
            self._in_head = True
            if not self._has_host():
                self.send_400_response("HTTP/1.1 needs one Host header, and a valid one")
            else:
                self._refuse(501, "invalid_request", "no other Transfer-Encoding than chunked is understood")

    def _has_host(self) -> bool:
        """Whether the request says which host it is for, as it must since HTTP/1.1 (RFC 9112, 3.2)."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if not hosts:
            return self.parser.get_http_version() == "1.0"
        return len(hosts) == 1 and _HOST.match(hosts[0].rstrip(b" \t")) is not None

    def _has_known_coding(self) -> bool:
        """Whether a body comes in no other form than in chunks, which the parser takes away (RFC 9112, 6.1)."""
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        return not codings or b",".join(codings).strip(b" \t").lower() == b"chunked"

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._head = 0
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._in_head, self._head = True, 0
        if not self._refused and not self._is_upgrade:
            super().on_message_complete()

    def _wait(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        cycle: RequestResponseCycle | None = self.cycle
        if self._refused or cycle is None or cycle.response_complete:
            self.transport.close()
        else:  # nothing is read while earlier requests wait for their answers
            self._wait(HEAD_SECONDS)

    # --- refusing ---------------------------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered in the form of all errors."""
        self._refuse(400, "invalid_request", msg)

    def _refuse_head(self) -> None:
        self._refuse(431, "invalid_request", f"the headers are larger than the {HEAD_BYTES:,} bytes allowed")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Say why, in its turn, and read no more requests."""
        if self._refused:
            return
        self._refused = True
        latest: RequestResponseCycle | None = self.cycle
        is_waiting = latest is not None and not latest.response_complete
        if is_waiting and (self._in_head or self.pipeline):  # what came before is answered, and the connection closed
            if not self._in_head:
                self.pipeline.popleft()  # the one that is broken off
            if self.pipeline:
                self.pipeline[0][0].keep_alive = False
            elif self._exchange is not None:
                self._exchange.end_after_answer()
            return
        exchange = self._exchange
        is_late = is_waiting and exchange is not None and not exchange.may_be_refused(latest)
        if exchange is not None:
            exchange.give_up()
        if is_late:
            self.transport.close()
        elif not self.transport.is_closing():
            body = encode({"error": code, "message": message})
            head = (
                b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head % (status, _REASONS[status], len(body)) + body)
            self._linger()
            door: Any = self.app
            door.note_refusal({"client": self.client, "headers": getattr(self, "headers", ())}, status, code)

    def _linger(self) -> None:
        """Say that this was all, and let the client read it."""
        self.transport.write_eof()
        self.flow.resume_reading()
        self._stop_waiting()
        self._wait(LINGER_SECONDS)

    # --- writing ----------------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self._watch_writing(self._count_unsent())

    def resume_writing(self) -> None:
        """It has read."""
        self._watch_writing(None)
        super().resume_writing()

    def _watch_writing(self, left: int | None) -> None:
        """Look again in a while, or never (None), whether less than so much is left of what was to be sent (bytes)."""
        if self._stalled is not None:
            self._stalled.cancel()
        self._stalled = None if left is None else self.loop.call_later(STALLED_SECONDS, self._look_at_writing, left)

    def _look_at_writing(self, left: int) -> None:
        now = self._count_unsent()
        if now < left:
            self._watch_writing(now)
        else:
            self.transport.abort()

    def _count_unsent(self) -> int:
        """Bytes that the client has not taken, the kernel's among them (tcp(7), SIOCOUTQ), which are megabytes."""
        held = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(held, sys.byteorder) + self.transport.get_write_buffer_size()
