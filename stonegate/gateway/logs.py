"""Structured logs: text on a terminal, one JSON object a line elsewhere; parameters and secrets have no way in."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from stonegate.errors import UsageError

ACCESS = logging.getLogger("stonegate.access")
LOG = logging.getLogger("stonegate.gateway")
#: Whose messages are known to hold neither parameters nor secrets; of all others only warnings are kept.
_OWN = ("stonegate", "uvicorn")
_REQUESTS = "requests"  # what a record of several requests has them under
_encode = msgspec.json.Encoder().encode
_FILE_BYTES, _FILES = 50 * 1024 * 1024, 5
#: Only these facts of a record are written; everything else that a library hangs on it stays out.
_FACTS = (
    "request_id",
    "client",
    "method",
    "route",
    "status",
    "ms",
    "platform",
    "tenant",
    "function",
    "rows",
    "error",
    "database",
    "job",
)


class AccessLog:
    """Requests as they are answered; those of one turn of the event loop are written together."""

    def __init__(self) -> None:
        self._requests: list[tuple[float, dict[str, object]]] = []

    def note(self, facts: dict[str, object]) -> None:
        """A request was answered."""
        if not self._requests:
            asyncio.get_running_loop().call_soon(self._write)
        self._requests.append((time.time(), facts))

    def _write(self) -> None:
        requests, self._requests = self._requests, []
        ACCESS.info("request", extra={_REQUESTS: requests})


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        requests = record.__dict__.get(_REQUESTS)
        return self._line(record) if requests is None else "\n".join(map(_json_request, requests))

    def _line(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _words(record),
        }
        line |= {name: record.__dict__[name] for name in _FACTS if record.__dict__.get(name) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _trace(record.exc_info[1])
        return msgspec.json.encode(line).decode()


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        requests = record.__dict__.get(_REQUESTS)
        if requests is not None:
            return "\n".join(_text_line(at, "info", "request", facts) for at, facts in requests)
        text = _text_line(record.created, record.levelname.lower(), _words(record), record.__dict__)
        if record.exc_info and record.exc_info[1] is not None:
            text += f"\n{_trace(record.exc_info[1])}"
        return text


def _json_request(request: tuple[float, dict[str, object]]) -> str:
    at, facts = request
    seconds = int(at)
    told = {name: facts[name] for name in _FACTS if facts.get(name) is not None}
    begin = f'{{"time":"{_second(seconds)}.{int((at - seconds) * 1000):03d}+00:00","level":"info"'
    return f'{begin},"logger":"{ACCESS.name}","message":"request",{_encode(told).decode()[1:]}'


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _text_line(at: float, level: str, message: str, known: Mapping[str, object]) -> str:
    moment = datetime.fromtimestamp(at).strftime("%H:%M:%S")
    facts = " ".join(f"{name}={_plain(known[name])}" for name in _FACTS if known.get(name) is not None)
    return f"{moment} {level:7} {_plain(message)} {facts}".rstrip()


def _trace(error: BaseException) -> str:
    """Where it happened and what kind of error it was, causes first; its words may hold parameters, and stay out."""
    lines: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        lines[:0] = [*traceback.format_tb(link.__traceback__), f"{type(link).__module__}.{type(link).__qualname__}\n"]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "".join(lines).rstrip()


def _words(record: logging.LogRecord) -> str:
    """The message; a library's stops at its first line, since asyncio goes on with the words of exceptions."""
    text = record.getMessage()
    return text if record.name.startswith(_OWN) else text.partition("\n")[0]


def _plain(value: object) -> str:
    """A value in one line: what clients send must not forge lines of a log."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def warn_about(unknown: tuple[str, ...], path: str) -> None:
    """Tell the operator of fields that mean nothing here; a client's typing error is found in the log."""
    if unknown:
        LOG.warning("%s: unknown fields ignored: %s", path, ", ".join(name[:64] for name in unknown[:10]))


def set_up_logs(*, level: str, form: str, directory: Path | None, file: str = "stonegate.log") -> None:
    """Send everything to standard error, and to a file in `directory` if there is one.

    Args:
        form: "text", "json", or "auto" for text on a terminal.
        file: no two processes write the same one, since each turns its own over when it is full.

    Raises:
        UsageError: the directory cannot be used; the logs stay as they are.
    """
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setFormatter(_Text() if as_text else _JsonLines())
    if directory is not None:
        handlers.append(_open_file(directory, file))
    root = logging.getLogger()
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(logging.WARNING)
    for name in _OWN:
        logger = logging.getLogger(name)
        logger.handlers = handlers
        logger.propagate = False
        logger.setLevel(level.upper())
    # uvicorn's own access log would repeat ours.
    logging.getLogger("uvicorn.access").handlers = []
    logging.getLogger("uvicorn.access").propagate = False


def _open_file(directory: Path, file: str) -> logging.Handler:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        kept = logging.handlers.RotatingFileHandler(
            directory / file, maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8"
        )
    except OSError as error:
        cause = error.strerror or str(error)
        raise UsageError(
            f"LOG_DIR {directory} cannot be used", cause=cause, hint="LOG_DIR=/var/log/stonegate"
        ) from None
    kept.setFormatter(_JsonLines())
    return kept
