"""Reads and writes `.tar.gz` archives in memory: nothing is extracted to disk, and nothing oversized is inflated."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import zlib
from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct

from stonegate.errors import SourceError

_MIB = 1024 * 1024
_FEED = 16 * 1024  # compressed bytes given to zlib at once
_STEP = 64 * 1024  # inflated bytes asked from zlib at once
_AGAIN = "pack the folder anew with `stonegate pack FOLDER -o FILE`"
_RATIO_MATTERS = _MIB  # a member smaller than this is no bomb, however well it compresses


class Caps(Struct, frozen=True, kw_only=True):
    """Limits of an archive: bytes compressed and inflated, number of members, inflation ratio of one member."""

    compressed: int = 32 * _MIB
    inflated: int = 128 * _MIB
    members: int = 20_000
    ratio: int = 1_000


class RawTree(Struct, frozen=True, kw_only=True):
    """Files by relative path (with `/`), and every directory, as found: nothing is interpreted yet."""

    files: dict[str, bytes]
    directories: frozenset[str]


class _Inflated(Struct, frozen=True):
    data: bytes
    marks: list[tuple[int, int]]  # (inflated offset, compressed offset), ascending

    def compressed_size(self, start: int, end: int) -> int:
        """About how many compressed bytes the inflated range took, rounded up to whole steps."""
        first = bisect_right(self.marks, (start, 1 << 62)) - 1
        last = min(bisect_right(self.marks, (end, -1)), len(self.marks) - 1)
        return self.marks[last][1] - self.marks[first][1]


def _inflate(data: bytes, name: str, caps: Caps) -> _Inflated:
    if len(data) > caps.compressed:
        raise SourceError(
            f"{name}: the archive has {len(data):,} bytes, more than the {caps.compressed:,} allowed",
            hint="pack only the postgresql/ folder, or raise STONEGATE_ARCHIVE_MAX_MIB",
        )
    if data[:2] != b"\x1f\x8b":
        raise SourceError(
            f"{name}: not a gzip file",
            hint="a folder or a .tar.gz is meant: `stonegate pack FOLDER -o FILE` makes one",
        )
    out = bytearray()
    marks = [(0, 0)]
    engine = zlib.decompressobj(wbits=31)
    position = 0
    while position < len(data):
        chunk = data[position : position + _FEED]
        position += len(chunk)
        while chunk:
            if engine.eof:
                if not chunk.strip(b"\0"):
                    break  # zero padding after the last gzip member
                engine = zlib.decompressobj(wbits=31)
            try:
                out += engine.decompress(chunk, _STEP)
            except zlib.error as error:
                raise SourceError(
                    f"{name}: the archive is damaged", cause=str(error), hint="pack or upload it again"
                ) from error
            chunk = engine.unused_data if engine.eof else engine.unconsumed_tail
            marks.append((len(out), position - len(chunk)))
            if len(out) > caps.inflated:
                last = _last_member(bytes(out))
                raise SourceError(
                    f"{name}: inflates to more than the {caps.inflated:,} bytes allowed, at {last!r}",
                    hint="raise STONEGATE_ARCHIVE_MAX_INFLATED_MIB if the archive is trustworthy",
                )
    if not engine.eof:
        raise SourceError(f"{name}: the archive is truncated", hint="pack or upload it again")
    return _Inflated(bytes(out), marks)


def _last_member(beginning: bytes) -> str:
    """The member in which the beginning of an archive ends."""
    name = ""
    with contextlib.suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(beginning), mode="r:") as tar:
        for member in tar:
            name = member.name
    return name


def _safe_path(member: tarfile.TarInfo, name: str) -> str:
    """The member's path without `./`; refuses what could point outside of the archive."""
    path = member.name
    if path.startswith("/") or path[1:2] == ":":
        raise SourceError(f"{name}: member {path!r} has an absolute path", hint="pack with relative paths only")
    if "\0" in path:
        raise SourceError(f"{name}: member {path!r} has a zero byte in its name", hint=_AGAIN)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise SourceError(f"{name}: member {path!r} leads outside of the archive ('..')", hint=_AGAIN)
    return "/".join(parts)


def _refuse_special(member: tarfile.TarInfo, name: str) -> None:
    if member.issym() or member.islnk():
        kind = "a symbolic link" if member.issym() else "a hard link"
        raise SourceError(f"{name}: member {member.name!r} is {kind} to {member.linkname!r}", hint="pack plain files")
    if member.issparse():
        raise SourceError(f"{name}: member {member.name!r} is a sparse file", hint="pack plain files")
    if not (member.isreg() or member.isdir()):
        raise SourceError(f"{name}: member {member.name!r} is a device or another special file", hint=_AGAIN)


def unpack(data: bytes, name: str, caps: Caps) -> RawTree:
    """The regular files of a `.tar.gz`, read into memory within the caps (behaviour, §1).

    Args:
        name: what the archive is called in messages.

    Raises:
        SourceError: not a gzip, truncated or damaged; or a member that is absolute, leaves the archive by `..`, is a
            link or device, occurs twice, has an impossible name, or exceeds a cap. The message names the member.
    """
    inflated = _inflate(data, name, caps)
    files: dict[str, bytes] = {}
    directories: set[str] = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(inflated.data), mode="r:") as tar:
            count = 0
            for member in tar:
                count += 1
                if count > caps.members:
                    raise SourceError(
                        f"{name}: more than the {caps.members:,} members allowed, at {member.name!r}",
                        hint="pack only the postgresql/ folder, or raise STONEGATE_ARCHIVE_MAX_MEMBERS",
                    )
                path = _safe_path(member, name)
                _refuse_special(member, name)
                if member.isdir():
                    directories.add(path)
                    continue
                _check_ratio(member, inflated, name, caps)
                if path in files:
                    raise SourceError(f"{name}: member {path!r} occurs twice", hint=_AGAIN)
                content = tar.extractfile(member)
                files[path] = b"" if content is None else content.read()
            rest = inflated.data[tar.offset :]
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise SourceError(f"{name}: not a complete tar archive", cause=str(error), hint="pack it again") from error
    if len(rest) < tarfile.BLOCKSIZE or rest.strip(b"\0"):
        raise SourceError(f"{name}: the tar archive is truncated or damaged after its last member", hint=_AGAIN)
    for path in files:
        directories.update(path[:index] for index, letter in enumerate(path) if letter == "/")
    if both := directories & files.keys():
        raise SourceError(f"{name}: member {min(both)!r} is a file and a folder", hint=_AGAIN)
    return RawTree(files=files, directories=frozenset(directories - {""}))


def _check_ratio(member: tarfile.TarInfo, inflated: _Inflated, name: str, caps: Caps) -> None:
    if member.size < _RATIO_MATTERS:
        return
    start = member.offset_data
    if member.size > caps.ratio * inflated.compressed_size(start, start + member.size):
        raise SourceError(
            f"{name}: member {member.name!r} inflates more than {caps.ratio:,}:1",
            hint="raise STONEGATE_ARCHIVE_MAX_RATIO if the archive is trustworthy",
        )


def pack(files: Iterable[tuple[str, bytes]], directories: Iterable[str]) -> bytes:
    """A reproducible `.tar.gz`: same content, same bytes, whoever packs it and whenever."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for directory in sorted(directories):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for path, content in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream:
        stream.write(buffer.getvalue())
    return packed.getvalue()
