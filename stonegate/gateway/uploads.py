"""Multipart forms as clients send them: an archive, which many give no filename, and fields beside it (RFC 7578)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Any, Final, get_origin

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from stonegate.errors import StonegateError, UsageError
from stonegate.gateway.logs import warn_about
from stonegate.settings import MIB

#: What a form, of whichever kind, may hold besides an archive (bytes).
FORM_ROOM: Final = MIB
MOST_FIELDS: Final = 200
MOST_FILES: Final = 20


class _Parser(MultiPartParser):
    """Whether a part is the file or a text is told by its name, as in the original, and not by a filename."""

    def __init__(
        self, request: Request, stream: AsyncGenerator[bytes, None], files: Collection[str], texts: Collection[str]
    ) -> None:
        super().__init__(request.headers, stream, max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=FORM_ROOM)
        self._forms = {name.encode(): b'form-data; name="%b"; filename=""' % name.encode() for name in files}
        self._forms |= {name.encode(): b'form-data; name="%b"' % name.encode() for name in texts}
        self._room = FORM_ROOM
        self.is_whole = False

    def on_headers_finished(self) -> None:
        """A part begins."""
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        part.content_disposition = self._forms.get(options.get(b"name", b""), part.content_disposition)
        super().on_headers_finished()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """A piece of a part; texts, which are in memory, have room together, as those of JSON have."""
        if self._current_part.file is None:
            self._room -= end - start
            if self._room < 0:
                raise MultiPartException(f"the fields are larger than the {FORM_ROOM:,} bytes allowed")
        super().on_part_data(data, start, end)

    def on_end(self) -> None:
        """The boundary that ends the form."""
        self.is_whole = True

    def close(self) -> None:
        """Close all files, that of a part without an end among them, which is no item yet."""
        for file in self._files_to_close_on_error:
            file.close()


async def read_form(
    request: Request, kind: type[msgspec.Struct], archive: tuple[str, ...], path: str
) -> tuple[msgspec.Struct, UploadFile]:
    """The form as declared, and its archive; whoever gets it closes it.

    Args:
        archive: names that it may have.
        path: of the route, for the log.

    Raises:
        UsageError: it is no form, or not as declared.
    """
    known = {each.name: each for each in msgspec.structs.fields(kind)}
    parts = await _parse(request, archive, known)
    kept: UploadFile | None = None
    try:
        fields: dict[str, Any] = {}
        for name, value in parts.multi_items():
            if isinstance(value, str) and name in known and value != "":
                if get_origin(known[name].type) is list:
                    fields.setdefault(name, []).append(value)
                else:
                    fields[name] = value
        warn_about(tuple(name for name in parts if name not in {*known, *archive}), path)
        try:
            form: msgspec.Struct = msgspec.convert(fields, kind, strict=False)
        except msgspec.ValidationError as error:
            reason = str(error).replace("`$.", "`")  # a form has fields, and no path into JSON
            raise UsageError(f"the form is not as declared: {reason}", hint="GET /docs") from None
        kept = next((file for name in archive if isinstance(file := parts.get(name), UploadFile)), None)
        if kept is None:
            raise UsageError(f"the file {archive[0]} is missing", hint=f"-F {archive[0]}=@folder.tar.gz")
        return form, kept
    finally:
        for _, value in parts.multi_items():
            if isinstance(value, UploadFile) and value is not kept:
                await value.close()


async def _parse(request: Request, files: Collection[str], texts: Collection[str]) -> FormData:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise UsageError("the body must be multipart/form-data", hint="curl -F platform=… -F schema=@folder.tar.gz")
    if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
        # With another codec of Python's choice texts come out that nobody can write down, or none at all.
        raise UsageError("the fields of a form must be UTF-8")
    try:
        async with aclosing(request.stream()) as stream:
            parser = _Parser(request, stream, files, texts)
            parts = await parser.parse()
    except (MultiPartException, FormParserError) as error:
        raise UsageError("the multipart body cannot be read", cause=str(error.__cause__ or error)) from None
    except OSError as error:
        cause = error.strerror or str(error)
        raise StonegateError("the upload cannot be kept while it is needed", cause=cause, hint="TMPDIR") from None
    if not parser.is_whole:
        parser.close()
        raise UsageError("the multipart body is cut off: the boundary that ends it is missing")
    return parts
