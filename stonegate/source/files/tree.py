"""Reads a `postgresql/` folder or a `.tar.gz` of one into source files; what is skipped is named in a warning."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath

from msgspec import Struct

from stonegate.errors import DuplicateObject, SourceError
from stonegate.model.mistyped import did_you_mean
from stonegate.model.source import Folder, SourceFile
from stonegate.source.files.archive import Caps, RawTree, pack, unpack

_WRAPPER = "postgresql"
_SCOPES = ("main", "tenant")
_SHARED = "shared"
_ENDINGS = (".pssql", ".pgsql", ".sql")
_KEEPERS = frozenset({".gitkeep", ".keep"})  # their only purpose is to keep an empty directory
_ABOUT = "README.md"  # `stonegate init` writes one
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_LOOKED_AT = 100  # directories, for a hint about a folder that has none of ours: it may be somebody's home
_KINDS: dict[str, Folder] = {folder.value: folder for folder in Folder}


class SourceBytes(Struct, frozen=True, kw_only=True):
    """What was read: the files in path order, the kinds whose directory is present, warnings, and the digest.

    Attributes:
        errors: what is wrong with files before anybody looks at their SQL; parsing reports it with all other mistakes.
        digest: covers files that hold no text, too.
    """

    files: tuple[SourceFile, ...]
    folders: frozenset[Folder]
    warnings: tuple[str, ...]
    errors: tuple[SourceError, ...] = ()
    digest: str


def read_tree(path: Path, *, scope: str | None = None, caps: Caps | None = None) -> SourceBytes:
    """Read a folder, or the archive that `path` names.

    Args:
        path: the folder (a `postgresql/` inside of it is found), or a `.tar.gz` file.
        scope: "main" or "tenant", for folders that hold both beside shared ones.
        caps: limits for an archive; defaults as in behaviour, §1.

    Raises:
        SourceError: no such folder, nothing of ours in it, an unreadable or foreign file, a link that leaves it.
    """
    try:
        if path.is_file():
            return read_archive(path.read_bytes(), path.name, scope=scope, caps=caps)
        return _arrange(_read_folder(path, scope), str(path), scope)
    except OSError as error:
        raise SourceError(f"cannot read {error.filename or path}", cause=error.strerror or str(error)) from error


def read_archive(data: bytes, name: str, *, scope: str | None = None, caps: Caps | None = None) -> SourceBytes:
    """Read a `.tar.gz` in memory; it means the same as the folder that was packed.

    Raises:
        SourceError: see `archive.unpack` and `read_tree`.
    """
    raw = unpack(data, name, caps or Caps())
    return _arrange(raw, name, scope)


def pack_tree(path: Path, *, scope: str | None = None) -> bytes:
    """A reproducible `.tar.gz` of the folder's SQL files and kind directories, under `postgresql/`.

    Raises:
        SourceError: as `read_tree`.
    """
    raw = _read_folder(path, scope)
    arranged = _arrange(raw, str(path), scope)
    packed = {file.path for file in arranged.files} | {error.file for error in arranged.errors}
    files: dict[str, bytes] = {}
    for prefix in _locate(_children(raw), scope, str(path)):
        for found, content in raw.files.items():
            name = _label(prefix, found)
            if found.startswith(prefix) and name in packed:
                files[f"{_WRAPPER}/{name}"] = content
    return pack(files.items(), {_WRAPPER, *(f"{_WRAPPER}/{folder.value}" for folder in arranged.folders)})


def compute_digest(digests: Mapping[str, str], folders: Iterable[Folder]) -> str:
    """sha256 (hex) over the digests of all files, by path, and over which kinds are present at all."""
    total = sha256()
    for folder in sorted(folders):
        total.update(f"{folder.value}/\n".encode())
    for path in sorted(digests):
        total.update(f"{digests[path]} {path}\n".encode())
    return total.hexdigest()


# --- where the kinds are ---------------------------------------------------------------------------------------------


def _locate(children: Callable[[str], set[str]], scope: str | None, label: str) -> tuple[str, ...]:
    """The prefixes ("" or ending in "/") below which the kind directories stand, shared ones first.

    Args:
        children: the names of the directories in a directory, given by its prefix.
    """
    if scope is not None and scope not in _SCOPES:
        raise SourceError(f"no such scope: {scope}", hint="use --scope main or --scope tenant")
    top = children("")
    base = f"{_WRAPPER}/" if _WRAPPER in top and not top & _KINDS.keys() else ""
    inside = children(base)
    scopes = {name: prefix for name in _SCOPES if name in inside and (prefix := _unwrap(children, f"{base}{name}/"))}
    if not scopes:
        if scope is not None:
            raise SourceError(f"{label} has no {scope}/ folder", hint="leave --scope out for a folder without scopes")
        if not inside & _KINDS.keys():
            known = ", ".join(f"{folder.value}/" for folder in Folder)
            raise SourceError(
                f"{label} is no postgresql/ folder: it has none of {known}",
                hint=_nearby(children, base, inside)
                or "name the folder that holds tables/ and functions/, or start one with `stonegate init`",
            )
        return (base,)
    if scope is None and len(scopes) == 1:
        (scope,) = scopes  # what `stonegate pack --scope` made, for those that name none: the requests of the gateway
    if scope is None:
        raise SourceError(
            f"{label} holds several scopes: {', '.join(scopes)}",
            hint=f"choose one with --scope {'|'.join(scopes)}",
        )
    if scope not in scopes:
        raise SourceError(f"{label} has no {scope}/ folder", hint=f"it has: {', '.join(scopes)}")
    shared = [base] if inside & _KINDS.keys() else []
    if _SHARED in inside and (prefix := _unwrap(children, f"{base}{_SHARED}/")):
        shared.append(prefix)
    return (*shared, scopes[scope])


def _nearby(children: Callable[[str], set[str]], base: str, inside: Iterable[str]) -> str | None:
    """The hint for a folder that holds wanted ones a step further down, or one whose name is mistyped."""
    below: list[str] = []
    for name in sorted(inside)[:_LOOKED_AT]:
        if near := did_you_mean(name, _KINDS, ""):
            return f"{name}/ is none of them: {near}"
        with contextlib.suppress(OSError):
            if found := _unwrap(children, f"{base}{name}/"):
                below.append(found.rstrip("/"))
    if len(below) > 1:
        return f"name one of the folders in it: {', '.join(below)}"
    return f"the folder in it that has them is {below[0]}" if below else None


def _unwrap(children: Callable[[str], set[str]], prefix: str) -> str | None:
    """`prefix`, or the wrapper in it, if kind directories stand there."""
    for candidate in (f"{prefix}{_WRAPPER}/", prefix):
        if children(candidate) & _KINDS.keys():
            return candidate
    return None


def _label(prefix: str, path: str) -> str:
    """The path by which a file is known: below `prefix`, but with the scope it belongs to."""
    scope = prefix.removesuffix(f"{_WRAPPER}/").removeprefix(f"{_WRAPPER}/")
    return scope + path.removeprefix(prefix)


def _children(raw: RawTree) -> Callable[[str], set[str]]:
    inside: defaultdict[str, set[str]] = defaultdict(set)
    for path in raw.directories:
        parent, slash, name = path.rpartition("/")
        inside[parent + slash].add(name)
    return lambda prefix: inside.get(prefix, set())


# --- reading a folder ------------------------------------------------------------------------------------------------


def _read_folder(path: Path, scope: str | None) -> RawTree:
    """What stands in the kind directories; files beside them are named but not read."""
    if not path.is_dir():
        raise SourceError(f"no such folder: {path}", hint="create one with `stonegate init`, or name the right path")
    root = path.resolve()

    def children(prefix: str) -> set[str]:
        folder = root / prefix
        return {entry.name for entry in folder.iterdir() if entry.is_dir()} if folder.is_dir() else set()

    files: dict[str, bytes] = {}
    directories: set[str] = set()
    for prefix in _locate(children, scope, str(path)):
        directories.update(str(PurePosixPath(*prefix.split("/")[:depth])) for depth in range(1, prefix.count("/") + 1))
        for entry in (root / prefix).iterdir():
            name = prefix + entry.name
            if entry.name in _KINDS and entry.is_dir():
                if entry.is_symlink():
                    _check_link(root, entry, name)
                _walk(root, entry, name, files, directories)
            elif entry.is_dir():
                directories.add(name)
            else:
                files[name] = b""
    return RawTree(files=files, directories=frozenset(directories))


def _walk(root: Path, folder: Path, name: str, files: dict[str, bytes], directories: set[str]) -> None:
    """Collect everything below `folder`, which is called `name`."""
    directories.add(name)
    with os.scandir(folder) as entries:
        for entry in entries:
            below = f"{name}/{entry.name}"
            if entry.is_symlink():
                _check_link(root, Path(entry.path), below)
            if entry.is_dir():
                _walk(root, Path(entry.path), below, files, directories)
            elif entry.is_file():
                with open(entry.path, "rb", buffering=0) as stream:  # noqa: PTH123 - thousands of small files
                    files[below] = stream.read()
            else:
                raise SourceError(f"{below} is neither a file nor a folder")


def _check_link(root: Path, link: Path, name: str) -> None:
    """Links to files inside of the folder are read; any other link is refused."""
    target = link.resolve()
    if not target.is_relative_to(root):
        raise SourceError(f"{name} is a symbolic link that leaves the folder", hint="put the file itself there")
    if not target.is_file():
        raise SourceError(
            f"{name} is a symbolic link to something other than a file in the folder", hint="put the file itself there"
        )


# --- from raw files to source files ----------------------------------------------------------------------------------


def _arrange(raw: RawTree, label: str, scope: str | None) -> SourceBytes:
    """Sort what was found into kinds, decode it, and name everything that is left out."""
    _require_text((label, *raw.directories, *raw.files))
    prefixes = _locate(_children(raw), scope, label)
    has_scopes = any(part in _SCOPES for part in prefixes[-1].split("/"))
    folders, warnings = _sort_directories(raw, prefixes, has_scopes=has_scopes)
    files: list[SourceFile] = []
    digests: dict[str, str] = {}
    errors: list[SourceError] = []
    for path, content in sorted(raw.files.items()):
        base = max((prefix for prefix in prefixes if path.startswith(prefix)), key=len, default=None)
        if base is None:
            continue
        kind, _, below = path.removeprefix(base).partition("/")
        name = _label(base, path)
        if kind not in _KINDS:
            if not below and kind not in _KEEPERS | {_ABOUT}:
                warnings.append(f"{name}: stands outside of the folders that stonegate knows; skipped")
        elif complaint := _skip_reason(PurePosixPath(below), _KINDS[kind]):
            warnings.extend([f"{name}: {complaint}; skipped"] if below not in _KEEPERS else [])
        else:
            digests[name] = sha256(content).hexdigest()
            try:
                text = _decode(name, content)
            except SourceError as error:
                errors.append(error)
            else:
                files.append(SourceFile(path=name, folder=_KINDS[kind], text=text, digest=digests[name]))
    files.sort(key=lambda file: file.path)
    return SourceBytes(
        files=tuple(files),
        folders=folders,
        warnings=tuple(warnings),
        errors=(*errors, *_duplicates(files)),
        digest=compute_digest(digests, folders),
    )


def _sort_directories(
    raw: RawTree, prefixes: Iterable[str], *, has_scopes: bool
) -> tuple[frozenset[Folder], list[str]]:
    """The kinds that are present, and a warning for every other directory beside them."""
    scaffolding = {"", _WRAPPER, _SHARED, *_SCOPES} if has_scopes else {""}
    folders: set[Folder] = set()
    warnings: list[str] = []
    for prefix in prefixes:
        for name in sorted(_children(raw)(prefix)):
            if name in _KINDS:
                folders.add(_KINDS[name])
            elif name not in scaffolding:
                near = did_you_mean(name, _KINDS, "")
                warnings.append(
                    f"{_label(prefix, prefix + name)}/: not a folder that stonegate knows; skipped"
                    + (f" ({near})" if near else "")
                )
    return frozenset(folders), warnings


def _require_text(names: Iterable[str]) -> None:
    """File names are bytes, and are recorded and printed as text."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            shown = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
            raise SourceError(f"the name of {shown} is not UTF-8", hint="rename it") from None


def _skip_reason(path: PurePosixPath, folder: Folder) -> str | None:
    endings = (*_ENDINGS, ".txt") if folder is Folder.EXTENSIONS else _ENDINGS
    if any(part.startswith(".") for part in path.parts):
        return "hidden"
    if path.suffix.lower() not in endings:
        return f"not one of the endings {', '.join(endings)}"
    return None


def _decode(name: str, content: bytes) -> str:
    try:
        text = content.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        encoding = "utf-16" if content.startswith(_UTF_16) else "latin1"
        raise SourceError(
            f"byte 0x{content[error.start]:02x} is not UTF-8",
            file=name,
            line=line,
            hint=f"convert the file, e.g. iconv -f {encoding} -t utf-8 {PurePosixPath(name).name}",
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SourceError("a zero byte, which no SQL text can hold", file=name, line=line)
    return text


def _duplicates(files: Iterable[SourceFile]) -> Iterator[DuplicateObject]:
    """Shared and scoped folders may not hold two migrations of one name: the name is what is tracked."""
    seen: dict[str, str] = {}
    for file in files:
        if file.folder is not Folder.MIGRATIONS:
            continue
        name = migration_name(file.path)
        if name in seen:
            yield DuplicateObject(
                f"migration {name} exists twice: {seen[name]} and {file.path}", file=file.path, hint="rename one"
            )
        seen[name] = file.path


def migration_name(path: str) -> str:
    """The path below `migrations/`, by which a migration is tracked (behaviour, §4)."""
    return path.partition(f"{Folder.MIGRATIONS.value}/")[2]
