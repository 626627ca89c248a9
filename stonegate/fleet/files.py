"""Files of the data directory: replaced in one step, locked between processes, readable by their owner alone."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shlex
import shutil
import stat
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from stonegate.errors import DataDirUnusable, StonegateError

FILE_MODE, DIRECTORY_MODE = 0o600, 0o700
LOCK_SECONDS = 60.0

_RIGHTS = "DATA_DIR names a directory that this account may read and write"
_ROOM = "make room on the disk of DATA_DIR, and run the same command again: what was there is as it was"
#: What the root of a volume may have: of the file system's, and open to root alone.
LOST_AND_FOUND = "lost+found"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h
_BESIDE = ".new-"


def make_directory(path: Path, *signs: str) -> None:
    """The directory, and those above it, for nobody else's eyes; one that is open to others is closed.

    Args:
        signs: patterns of files that it has if it is ours. An open one without any of these that holds other things is
            somebody else's, such as /etc, and stays as it is.

    Raises:
        DataDirUnusable: it cannot be made or closed, or is somebody else's.
    """
    try:
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        if not path.stat().st_mode & 0o077:
            return
        if signs and not _is_new(path) and not any(any(path.glob(sign)) for sign in signs):
            raise DataDirUnusable(
                f"{path} is open to other accounts and holds other things",
                hint=f"DATA_DIR names a directory of its own; if this is to be it: chmod 700 {shlex.quote(str(path))}",
            )
        path.chmod(DIRECTORY_MODE)
    except OSError as error:
        raise unusable(path, error) from error


def _is_new(path: Path) -> bool:
    """True if nobody has put anything there."""
    return all(child.name == LOST_AND_FOUND for child in path.iterdir())


def is_file(path: Path) -> bool:
    """Whether there is a file of that name. `Path.is_file` raises, or from 3.14 on denies it, where one may not look.

    Raises:
        DataDirUnusable: this account may not look.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return False
        raise unusable(path, error) from error


def replace_file(path: Path, content: bytes) -> None:
    """Write the whole file or nothing, whenever the power goes: beside it, synchronised, renamed.

    Raises:
        DataDirUnusable: the directory cannot be written.
    """
    beside = path.with_name(f"{_BESIDE}{path.name}-{secrets.token_hex(4)}")
    try:
        try:
            _write_new(beside, content)
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)
    except OSError as error:
        raise unusable(path, error) from error


def replace_tree(path: Path, files: dict[str, bytes], directories: frozenset[str]) -> None:
    """Write a directory beside the one of that name and swap them; the old one is removed afterwards.

    The caller holds the exclusive lock, so that nobody reads meanwhile. On Linux the two change places in one step, for
    readers that know of no lock; elsewhere there is a moment without it.
    """
    beside = path.with_name(f"{_BESIDE}{path.name}-{secrets.token_hex(4)}")
    try:
        make_directory(beside)
        for name in sorted(directories):
            (beside / name).mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        for name, content in files.items():
            place = beside / name
            place.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            _write_new(place, content)
        if not path.exists():
            beside.rename(path)
        elif not _exchange(beside, path):
            old = beside.with_name(f"{beside.name}-old")
            path.rename(old)
            beside.rename(path)
            shutil.rmtree(old, ignore_errors=True)
        sync_directory(path.parent)
    except OSError as error:
        raise unusable(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write_new(path: Path, content: bytes) -> None:
    """Make a file that is not there, with its content on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def remove_leftovers(directory: Path) -> None:
    """What a killed process left half written beside the real things; the caller holds the exclusive lock."""
    for path in directory.glob(f"{_BESIDE}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make renames in it last (fsync of the directory)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that know no such thing
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a lock file; it dies with the process, so nobody ever has to remove it.

    Args:
        shared: several may read at a time; in a directory that cannot be written a reader goes without.

    Raises:
        StonegateError: somebody else has held it for a minute.
        DataDirUnusable: the file cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        if shared and error.errno in (errno.EACCES, errno.EROFS, errno.ENOENT):
            yield
            return
        raise unusable(path, error) from error
    try:
        _wait(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, path)
        yield
    finally:
        os.close(descriptor)


@contextlib.asynccontextmanager
async def locked_meanwhile(path: Path) -> AsyncIterator[None]:
    """The exclusive lock of a lock file for a block that awaits; others of the same event loop wait without halting it.

    Raises:
        StonegateError, DataDirUnusable: as `locked`.
    """
    lock = locked(path)
    await asyncio.to_thread(lock.__enter__)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def unusable(path: Path, error: OSError) -> DataDirUnusable:
    """Why the data directory cannot be used."""
    return DataDirUnusable(
        f"cannot use {Path(error.filename or path).absolute()}",
        cause=error.strerror or str(error),
        hint=_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else _RIGHTS,
    )


def read_document(path: Path) -> dict[str, Any]:
    """The JSON object that a file holds.

    Raises:
        DataDirUnusable: it cannot be read, or holds something else.
    """
    try:
        document = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise unusable(path, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataDirUnusable(f"{path} is no JSON", cause=str(error), hint="restore it from a copy") from None
    if not isinstance(document, dict):
        raise DataDirUnusable(f"{path} holds no JSON object", hint="restore it from a copy")
    return document


def _wait(descriptor: int, kind: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    pause = 0.001
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise StonegateError(
                    f"another process has held {path} for {LOCK_SECONDS:g} s", hint=f"see which: fuser {path}"
                ) from error
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        else:
            return


def _exchange(first: Path, second: Path) -> bool:
    """Let two paths change places in one step (renameat2, Linux); False where the system cannot."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    done: int = call(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
    if done != 0 and ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(second))
    return done == 0
