"""One declaration per endpoint: what it takes, answers and fails with; requests and /openapi.json follow it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from stonegate.errors import StonegateError, UsageError
from stonegate.gateway.call.request import find_unknown
from stonegate.gateway.logs import LOG
from stonegate.gateway.state import Gateway
from stonegate.settings import MIB

#: What a form may hold besides the archive (bytes).
FORM_ROOM = MIB
MOST_FIELDS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body, or text of another type."""

    status: int
    body: Mapping[str, Any] | str
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Incoming:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
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
        settings = gateway.settings
        if self.archive:
            return settings.archive_max_mib * MIB + FORM_ROOM
        return settings.max_body_mb * MIB if self.form is not None else FORM_ROOM

    async def read(self, gateway: Gateway, request: Request) -> Incoming:
        """Validate a request.

        Raises:
            UsageError: it is not what was declared.
        """
        query = self._read_query(request)
        form, archive = None, None
        if self.archive:
            form, archive = await self._read_multipart(request)
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

    async def _read_multipart(self, request: Request) -> tuple[msgspec.Struct, UploadFile]:
        assert self.form is not None
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise UsageError("the body must be multipart/form-data", hint="curl -F platform=… -F schema=@folder.tar.gz")
        if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
            # With another codec of Python's choice texts come out that nobody can write down, or none at all.
            raise UsageError("the fields of a form must be UTF-8")
        try:
            parts = await request.form(max_files=2, max_fields=MOST_FIELDS, max_part_size=FORM_ROOM)
        except (MultiPartException, HTTPException, FormParserError) as error:
            words = error.detail if isinstance(error, HTTPException) else str(error)
            raise UsageError("the multipart body cannot be read", cause=words) from None
        except OSError as error:
            cause = error.strerror or str(error)
            raise StonegateError("the upload cannot be kept while it is needed", cause=cause, hint="TMPDIR") from None
        fields: dict[str, Any] = {}
        known = {each.name: each for each in msgspec.structs.fields(self.form)}
        for name, value in parts.multi_items():
            if isinstance(value, str) and name in known and value != "":
                if "list" in str(known[name].type):
                    fields.setdefault(name, []).append(value)
                else:
                    fields[name] = value.lower() if known[name].type is bool else value
        file = next((parts[name] for name in self.archive if isinstance(parts.get(name), UploadFile)), None)
        warn_about(tuple(name for name in parts if name not in {*known, *self.archive}), self.path)
        form = _convert(fields, self.form)
        if not isinstance(file, UploadFile):
            raise UsageError(f"the file {self.archive[0]} is missing", hint=f"-F {self.archive[0]}=@folder.tar.gz")
        return form, file


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


def _convert(fields: dict[str, Any], kind: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"the form is not as declared: {error}", hint="GET /docs") from None


def warn_about(unknown: tuple[str, ...], path: str) -> None:
    """Tell the operator of fields that mean nothing here; a client's typing error is found in the log."""
    if unknown:
        LOG.warning("%s: unknown fields ignored: %s", path, ", ".join(name[:64] for name in unknown[:10]))
