"""The route `/call`, ahead of Starlette's router: from the bytes of a request to those of its answer in one pass."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import msgspec

from stonegate.errors import MethodNotAllowed, StonegateError
from stonegate.gateway.answers import Receive, Refusal, Scope
from stonegate.gateway.bodies import Share, check_length, read_body
from stonegate.gateway.call.calls import CallAnswer
from stonegate.gateway.call.request import CallRequest, LargeCallRequest, find_unknown, strict_decoder
from stonegate.gateway.call.values import LARGE_BYTES
from stonegate.gateway.endpoints import decode_json
from stonegate.gateway.logs import warn_about
from stonegate.gateway.protocol import Exchange
from stonegate.gateway.state import Gateway
from stonegate.settings import MIB

_DECODER: Final = strict_decoder(CallRequest)
_LARGE_DECODER: Final = strict_decoder(LargeCallRequest)
_BEGIN: Final = b'{"rows":'
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nx-request-id: %b\r\n"


class CallRoute:
    """Answers calls that succeed; the door words the failures."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, facts: dict[str, Any]) -> None:
        """Read, call, answer.

        Args:
            facts: about the request, for the log: completed here.

        Raises:
            StonegateError, Refusal: the call failed, and nothing was answered yet.
            CancelledError: the client hung up, if `facts` say so.
        """
        started = time.perf_counter()
        facts["route"] = "/call"
        if scope["method"] != "POST":
            raise Refusal(405, MethodNotAllowed("/call takes POST").as_dict(), [(b"allow", b"POST")])
        exchange = Exchange.of(scope)
        request = await self._read(exchange, scope, receive)
        platform = facts["platform"] = request.platform
        facts["function"] = request.function[:64]
        facts["tenant"] = request.database_id or request.uuid or request.tenant_id
        outcome, count = "internal_error", 0
        try:
            answer = await self._answer(exchange, request, facts)
            outcome, count = "ok", answer.count
        except asyncio.CancelledError:
            outcome = "client_gone"
            raise
        except StonegateError as error:
            outcome = error.code
            raise
        finally:
            elapsed = time.perf_counter() - started
            if outcome != "ok" and not self._is_known(platform):
                platform = "unknown"  # made-up names of platforms must not fill the figures
            self._gateway.metrics.count_call(platform, outcome, elapsed, count)
        facts["rows"] = count
        facts["status"] = 200
        tail = b',"row_count":%d,"execution_time_ms":%.3f}' % (count, elapsed * 1000)
        length = len(_BEGIN) + len(answer.rows) + len(tail)
        await exchange.answer(_HEAD % (length, facts["request_id"].encode()), (_BEGIN, answer.rows, tail))

    def _is_known(self, platform: str) -> bool:
        """Whether there is such a platform, as far as can be seen: what a call failed with stays its failure."""
        try:
            return self._gateway.registry.find(platform) is not None
        except StonegateError:
            return False

    async def _read(self, exchange: Exchange, scope: Scope, receive: Receive) -> CallRequest | LargeCallRequest:
        cap = self._gateway.settings.max_body_mb * MIB
        body = exchange.take_body(cap)
        if body is None:
            check_length(scope, cap)
            body = await read_body(receive, cap, Share.of(scope, self._gateway.bodies))
        kind, decoder = (CallRequest, _DECODER) if len(body) <= LARGE_BYTES else (LargeCallRequest, _LARGE_DECODER)
        try:
            if not body.isascii():
                body.decode()
            request: CallRequest | LargeCallRequest = decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            request = decode_json(body, kind)
            warn_about(find_unknown(body, kind), "/call")
        return request

    async def _answer(
        self, exchange: Exchange, request: CallRequest | LargeCallRequest, facts: dict[str, Any]
    ) -> CallAnswer:
        """The call's answer; a client that hangs up cancels it."""
        caller = asyncio.current_task()
        assert caller is not None

        def hang_up() -> None:
            facts["hung_up"] = True
            caller.cancel()

        exchange.on_hang_up = hang_up
        try:
            return await self._gateway.calls.answer(request)
        finally:
            exchange.on_hang_up = None
