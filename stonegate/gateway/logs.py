"""Structured logs: text on a terminal, one JSON object a line elsewhere; parameters and secrets have no way in."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

ACCESS = logging.getLogger("stonegate.access")
LOG = logging.getLogger("stonegate.gateway")
_LOG_FILE = "stonegate.log"
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


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: record.__dict__[name] for name in _FACTS if record.__dict__.get(name) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        facts = " ".join(
            f"{name}={_plain(record.__dict__[name])}" for name in _FACTS if record.__dict__.get(name) is not None
        )
        text = f"{time} {record.levelname.lower():7} {_plain(record.getMessage())} {facts}".rstrip()
        return text if not record.exc_info else f"{text}\n{self.formatException(record.exc_info)}"


def _plain(value: object) -> str:
    """A value in one line: what clients send must not forge lines of a log."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def set_up_logs(*, level: str, form: str, directory: Path | None) -> None:
    """Send everything to standard error, and to a file in `directory` if there is one.

    Args:
        form: "text", "json", or "auto" for text on a terminal.
    """
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setFormatter(_Text() if as_text else _JsonLines())
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        kept = logging.handlers.RotatingFileHandler(
            directory / _LOG_FILE, maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8"
        )
        kept.setFormatter(_JsonLines())
        handlers.append(kept)
    for name in ("stonegate", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = handlers
        logger.propagate = False
        logger.setLevel(level.upper())
    # uvicorn's own access log would repeat ours.
    logging.getLogger("uvicorn.access").handlers = []
    logging.getLogger("uvicorn.access").propagate = False
