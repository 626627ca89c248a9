"""Files that commands read and write besides the folder."""

from __future__ import annotations

import os
import tempfile
from errno import EISDIR, ENOENT
from pathlib import Path

from stonegate.errors import UsageError


def write_file(path: Path, data: bytes) -> None:
    """Write a whole file or leave the old one as it was; its directory must be there.

    Raises:
        UsageError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        _write_through(path, data)  # /dev/stdout, a named pipe
        return
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
            mask = os.umask(0)
            os.umask(mask)
            Path(temporary).chmod(0o666 & ~mask)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(path, error) from error


def require_writable(path: Path) -> None:
    """Find out whether `write_file` will do, before work is done whose result it shall keep.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            if path.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
            return
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def read_file(path: Path, purpose: str) -> bytes:
    """The content of a file.

    Args:
        purpose: what it is for, in the message.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {purpose} {path}", cause=error.strerror or str(error), hint="is it the right path?"
        ) from error


def _write_through(path: Path, data: bytes) -> None:
    try:
        with path.open("wb") as stream:
            stream.write(data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UsageError:
    hint = f"make the directory first: mkdir -p {path.parent}" if error.errno == ENOENT else None
    return UsageError(f"cannot write {path}", cause=error.strerror or str(error), hint=hint)
