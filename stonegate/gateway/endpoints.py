"""One declaration per endpoint: what it takes, answers and fails with; requests and /openapi.json follow it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field
from starlette.datastructures import UploadFile
from starlette.requests import Request

from stonegate.errors import UsageError
from stonegate.gateway.call.request import find_unknown
from stonegate.gateway.logs import warn_about
from stonegate.gateway.state import Gateway
from stonegate.gateway.uploads import FORM_ROOM, read_form
from stonegate.settings import MIB


class Answer(Struct, frozen=True):
    """A status and a JSON body, or text of another type."""

    status: int
    body: Mapping[str, Any] | str
    media_type: str = "application/json"


class Incoming(Struct, frozen=True):
    """A validated request: the declared form, the archive if one was sent, and what stands in the path and query.

    The archive is a temporary file without a name, which is gone when the request is answered.
    """

    gateway: Gateway
    form: Any = None
    archive: UploadFile | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Incoming], Awaitable[Answer]]


class Endpoint(Struct, frozen=True, kw_only=True):
    """One route.

    Attributes:
        form: what the body is validated by; None for no body.
        archive: names of the file field of a multipart form; () for JSON.
        query: parameters, all optional but those that end in "!".
        codes: error codes beside those that every route has.
        created: it answers CREATED_STATUS.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    form: type[msgspec.Struct] | None = None
    archive: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    status: int = 200
    created: bool = False
    codes: tuple[str, ...] = ()
    answer: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    def cap(self, gateway: Gateway) -> int:
        """The largest body (bytes)."""
        return (gateway.settings.archive_max_mib * MIB if self.archive else 0) + FORM_ROOM

    async def read(self, gateway: Gateway, request: Request) -> Incoming:
        """Validate a request.

        Raises:
            UsageError: it is not what was declared.
        """
        query = self._read_query(request)
        form, archive = None, None
        if self.archive and self.form is not None:
            form, archive = await read_form(request, self.form, self.archive, self.path)
        elif self.form is not None:
            form = self._read_json(await request.body())
        return Incoming(gateway, form, archive, request.path_params, query)

    def _read_query(self, request: Request) -> dict[str, str]:
        found = {}
        for each in self.query:
            name = each.removesuffix("!")
            value = request.query_params.get(name)
            if value:
                found[name] = value
            elif name != each:
                raise UsageError(f"the query parameter {name} is missing")
        return found

    def _read_json(self, body: bytes) -> msgspec.Struct:
        assert self.form is not None
        made: msgspec.Struct = decode_json(body, self.form)
        warn_about(find_unknown(body, self.form), self.path)
        return made


def decode_json(body: bytes | bytearray, kind: type[msgspec.Struct]) -> Any:
    """The body as declared.

    Raises:
        UsageError: it is no JSON, or of another form; says where.
    """
    try:
        body.decode()  # msgspec does not look into parts that it leaves as they are
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"the body is not as declared: {error}", hint="GET /docs") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError("the body is no JSON", cause=str(error)) from None
    except RecursionError:
        raise UsageError("the body is nested too deeply") from None
