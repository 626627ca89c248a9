"""The ASGI application: one door that every request passes, `/call` right behind it, all other routes in Starlette."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from stonegate.errors import ConnectionFailed, MethodNotAllowed, NotFound, PayloadTooLarge, StonegateError
from stonegate.gateway.answers import (
    Message,
    Receive,
    Refusal,
    Scope,
    Send,
    encode,
    refusal_of,
    send_answer,
    send_refusal,
)
from stonegate.gateway.bodies import ARCHIVE_SECONDS, BODY_SECONDS, Disconnected, Share, bounded, check_length, discard
from stonegate.gateway.call.calls import failure_of
from stonegate.gateway.endpoints import Answer, Endpoint, Incoming
from stonegate.gateway.logs import ACCESS, LOG, AccessLog
from stonegate.gateway.openapi import build_openapi, policy_of, read_page
from stonegate.gateway.protocol import Exchange
from stonegate.gateway.routes import health, platforms, v1
from stonegate.gateway.routes.call import CallRoute
from stonegate.gateway.state import Gateway

ENDPOINTS: Final = (*health.ENDPOINTS, *v1.ENDPOINTS, *platforms.ENDPOINTS)

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")
#: Ids of requests that brought none: random for the process, then counted.
_OWN_IDS: Final = secrets.token_hex(4).encode()
_NUMBERS: Final = itertools.count(secrets.randbits(31))
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CLIENT_GONE: Final = 499


class Door:
    """What every request goes through: address and token, a request id, caps, the envelope, the log, the figures."""

    def __init__(self, gateway: Gateway, on_start: Callable[[], None] | None = None) -> None:
        self.gateway = gateway
        self._on_start = on_start
        self._log = AccessLog()
        self._call = CallRoute(gateway)
        self._router = _build_router(gateway)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = _request_id(scope)
        facts: dict[str, Any] = {"request_id": request_id.decode(), "route": "other"}
        scope["stonegate"] = facts
        exchange = Exchange.of(scope)
        header = (b"x-request-id", request_id)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                facts["status"] = message["status"]
                message["headers"] = [*message["headers"], header]
            elif not exchange.is_received:
                # A client that waits for the answer stops sending now; one that does not gets to read it afterwards.
                await send({**message, "more_body": True})
                await discard(receive)
                if not exchange.is_received:
                    exchange.end_after_answer()
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        try:
            self.gateway.guard.check(scope)
            if scope["path"] == "/call":
                await self._call(scope, receive, facts)
            elif _CONTROL.search(scope["path"]):
                raise HTTPException(404)  # a pattern's "$" would let the line feed of /platforms%0a pass
            else:
                scope["app"] = self  # with it Starlette raises what it would otherwise answer in plain text
                await self._router(scope, receive, send_marked)
        except Disconnected:
            facts["status"] = _CLIENT_GONE
        except asyncio.CancelledError:
            if facts.pop("hung_up", False):
                facts["status"] = _CLIENT_GONE
            elif self.gateway.is_draining and (task := asyncio.current_task()) is not None:
                task.uncancel()
                await self._refuse(_ended(), send_marked, facts)
            else:
                raise
        except Exception as error:
            await self._refuse(error, send_marked, facts)
        finally:
            if exchange.on_end is not None:
                exchange.on_end()
            self._note(scope, facts, time.perf_counter() - started)

    async def _refuse(self, error: Exception, send: Send, facts: dict[str, Any]) -> None:
        if isinstance(error, HTTPException):
            error = _routing_failure(error)
        elif not isinstance(error, (StonegateError, Refusal)):
            LOG.error("an internal error", exc_info=error, extra={"request_id": facts["request_id"]})
        refusal = failure_of(error, self.gateway.settings) if facts["route"] == "/call" else refusal_of(error)
        facts["error"] = refusal.body.get("error")
        if "status" in facts:
            return
        if isinstance(error, PayloadTooLarge):
            refusal.headers = (*refusal.headers, (b"connection", b"close"))
        await send_refusal(send, refusal)

    def note_refusal(self, scope: Scope, status: int, code: str) -> None:
        """What was no request, or too much of one, and was answered at the wire.

        Args:
            scope: `client` and, as far as they came, `headers`.
        """
        self.gateway.metrics.count_request("other", status)
        if ACCESS.isEnabledFor(logging.INFO):
            client = self.gateway.guard.name_client(scope)
            self._log.note({"client": client, "route": "other", "status": status, "error": code})

    # --- around requests --------------------------------------------------------------------------------------------

    def _note(self, scope: Scope, facts: dict[str, Any], seconds: float) -> None:
        status = facts.setdefault("status", 500)
        self.gateway.metrics.count_request(facts["route"], status)
        if ACCESS.isEnabledFor(logging.INFO):
            facts["client"] = self.gateway.guard.name_client(scope)
            facts["method"] = scope["method"]
            facts["ms"] = round(seconds * 1000, 3)
            self._log.note(facts)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._on_start is not None:
            self._on_start()
        publishing = asyncio.create_task(self.gateway.board.keep_publishing(self.gateway.read_figures))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.gateway.is_draining = True
        publishing.cancel()
        try:
            await self.gateway.close()
        except Exception as error:
            LOG.error("the gateway was not closed in order", exc_info=error)
        await send({"type": "lifespan.shutdown.complete"})


def _ended() -> ConnectionFailed:
    return ConnectionFailed("the gateway is shutting down and could not wait any longer", hint="try again")


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.match(value):
            given: bytes = value
            return given
    return b"%s%08x" % (_OWN_IDS, next(_NUMBERS) & 0xFFFFFFFF)


def _routing_failure(error: HTTPException) -> Exception:
    match error.status_code:
        case 404:
            return NotFound("there is no such route", hint="GET /docs")
        case 405:
            allowed = (error.headers or {}).get("Allow", "")
            failure = MethodNotAllowed("this route does not take that method", hint=allowed or None)
            return Refusal(405, failure.as_dict(), [(b"allow", allowed.encode())] if allowed else ())
        case _:
            return Refusal(error.status_code, {"error": "invalid_request", "message": str(error.detail)})


def _build_router(gateway: Gateway) -> ASGIApp:
    routes = [Route(each.path, _Served(gateway, each), methods=[each.method]) for each in ENDPOINTS]
    document = encode(build_openapi(ENDPOINTS, created_status=gateway.settings.created_status))
    page = read_page("docs.html")
    for fixed in (
        _Fixed("/openapi.json", document, b"application/json", policy_of("")),
        _Fixed("/docs", page.encode(), b"text/html; charset=utf-8", policy_of(page)),
    ):
        routes.append(Route(fixed.path, fixed, methods=["GET"]))

    async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
        raise HTTPException(404)

    return Router(routes, redirect_slashes=False, default=not_found)


class _Served:
    """An endpoint as an ASGI application."""

    def __init__(self, gateway: Gateway, endpoint: Endpoint) -> None:
        self._gateway = gateway
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, answer."""
        endpoint, gateway = self._endpoint, self._gateway
        facts = scope["stonegate"]
        facts["route"] = endpoint.path
        cap = endpoint.cap(gateway)
        check_length(scope, cap)
        seconds, room = (ARCHIVE_SECONDS, gateway.archives) if endpoint.archive else (BODY_SECONDS, gateway.bodies)
        request = Request(scope, bounded(receive, cap, seconds, Share.of(scope, room)))
        incoming = await endpoint.read(gateway, request)
        try:
            answer = await endpoint.handler(
                Incoming(gateway, incoming.form, incoming.archive, incoming.path, incoming.query, facts)
            )
        finally:
            if incoming.archive is not None:
                await incoming.archive.close()
        await _send(send, answer, facts)


class _Fixed:
    """A document of the package."""

    def __init__(self, path: str, body: bytes, media_type: bytes, policy: bytes) -> None:
        self.path = path
        self._body = body
        self._headers = (
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(body)),
            (b"content-security-policy", policy),
            (b"x-content-type-options", b"nosniff"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        scope["stonegate"]["route"] = self.path
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


async def _send(send: Send, answer: Answer, facts: dict[str, Any]) -> None:
    if isinstance(answer.body, str):
        body = answer.body.encode()
        headers = [(b"content-type", answer.media_type.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    facts["error"] = answer.body.get("error") if answer.status >= 400 else None
    await send_answer(send, answer.status, encode(answer.body))
