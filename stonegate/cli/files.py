"""Files that commands read and write besides the folder."""

from __future__ import annotations

import os
import sys
import tempfile
from errno import EISDIR, ENOENT
from pathlib import Path

from stonegate.cli.output import sending
from stonegate.errors import UsageError

#: Standard input and output, by their names in options.
STREAM = Path("-")
_OUTPUT = (STREAM, Path("/dev/stdout"))


def is_output(path: Path) -> bool:
    """True if it is standard output, which a shell may have led into a file: it is written to, never replaced."""
    return path in _OUTPUT


def write_file(path: Path, data: bytes) -> None:
    """Write a whole file or leave the old one as it was; its directory must be there.

    Raises:
        UsageError: it cannot be written.
        BrokenPipeError: it is standard output, and whoever read that has gone.
    """
    if is_output(path):
        with sending():
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        return
    try:
        if path.exists() and not path.is_file():  # /dev/stdout, a named pipe
            path.write_bytes(data)
            return
        behind = path.resolve()  # a link is followed, not replaced
        descriptor, temporary = tempfile.mkstemp(dir=behind.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
            mask = os.umask(0)
            os.umask(mask)
            Path(temporary).chmod(0o666 & ~mask)
            Path(temporary).replace(behind)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(path, error) from error


def require_writable(path: Path) -> None:
    """Find out whether `write_file` will do, before work is done whose result it shall keep.

    Raises:
        UsageError: the file cannot be written, or is standard output, where the command's own result goes.
    """
    if is_output(path):
        raise UsageError(f"{path} is standard output, where the result goes", hint="a file; or --format json alone")
    try:
        if path.exists() and not path.is_file():
            if path.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
            return
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def read_file(path: Path, purpose: str) -> bytes:
    """The content of a file, or of standard input (`-`).

    Args:
        purpose: what it is for, in the message.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if path == STREAM else path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {purpose} {path}", cause=error.strerror or str(error), hint="is it the right path?"
        ) from error


def _unwritable(path: Path, error: OSError) -> UsageError:
    hint = f"make the directory first: mkdir -p {path.parent}" if error.errno == ENOENT else None
    return UsageError(f"cannot write {path}", cause=error.strerror or str(error), hint=hint)
