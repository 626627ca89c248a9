"""Files of the data directory: nobody else's, whole or not there at all, and changed by one process at a time."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stonegate.errors import DataDirUnusable, StonegateError
from stonegate.fleet import files
from stonegate.fleet.files import (
    is_file,
    locked,
    locked_meanwhile,
    make_directory,
    read_document,
    remove_leftovers,
    replace_file,
    replace_tree,
    sync_directory,
)

TREE = {"tables/a.sql": b"1", "tables/deep/b.sql": b"2"}
FOLDERS = frozenset({"tables", "tables/deep", "views", "views/old"})


@pytest.fixture
def open_umask() -> Iterator[None]:
    """An account that opens to everybody whatever it makes."""
    former = os.umask(0)
    yield
    os.umask(former)


def modes(root: Path) -> dict[str, int]:
    """Permissions of all that is below."""
    return {str(path.relative_to(root)): stat.S_IMODE(path.lstat().st_mode) for path in root.rglob("*")}


def failing(number: int) -> Callable[..., Any]:
    """A call of the system that fails."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.usefixtures("open_umask")
def test_what_is_made_is_nobody_elses(tmp_path: Path) -> None:
    make_directory(tmp_path / "data" / "shop")
    replace_tree(tmp_path / "data" / "shop" / "app", TREE, FOLDERS)
    replace_file(tmp_path / "data" / "shop" / "platform.json", b"{}")
    with locked(tmp_path / "data" / ".lock"):
        pass
    found = modes(tmp_path / "data")
    expected = {f"shop/app/{name}" for name in (*TREE, *FOLDERS)} | {"shop", "shop/app", "shop/platform.json", ".lock"}
    assert found.keys() == expected
    for name, mode in found.items():
        assert mode == (0o600 if name.endswith((".sql", ".json", ".lock")) else 0o700), name
    (tmp_path / "file").touch()
    with pytest.raises(DataDirUnusable):
        make_directory(tmp_path / "file" / "below")


@pytest.mark.parametrize("in_one_step", [True, False])
def test_a_tree_takes_the_place_of_the_other_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_one_step: bool
) -> None:
    place = tmp_path / "app"
    if not in_one_step:
        monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    for tree, folders in ((TREE, FOLDERS), ({"functions/f.sql": b"3"}, frozenset[str]()), ({}, FOLDERS)):
        replace_tree(place, tree, folders)
        if in_one_step:  # from now on it is never gone, not for a moment
            monkeypatch.setattr(Path, "rename", failing(errno.EPERM))
        assert {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*.sql")} == tree
        assert [path.name for path in tmp_path.iterdir()] == ["app"]
    assert {str(path.relative_to(place)) for path in place.rglob("*")} == FOLDERS


def test_places_are_exchanged_or_it_is_said_that_the_system_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("1")
    second.write_text("2")
    assert files._exchange(first, second)
    assert (first.read_text(), second.read_text()) == ("2", "1")
    with pytest.raises(OSError) as caught:
        files._exchange(first, tmp_path / "missing")
    assert caught.value.errno == errno.ENOENT
    for number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):

        def refuse(*_: object, number: int = number) -> int:
            ctypes.set_errno(number)
            return -1

        monkeypatch.setattr(ctypes, "CDLL", lambda *_, call=refuse, **__: SimpleNamespace(renameat2=call))
        assert not files._exchange(first, second)
    for library in (lambda *_, **__: SimpleNamespace(), failing(errno.ENOENT)):
        monkeypatch.setattr(ctypes, "CDLL", library)
        assert not files._exchange(first, second)


def test_what_is_written_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "platform.json"
    place.write_text("old")
    seen: list[tuple[bool, int, str]] = []

    def note(descriptor: int) -> None:
        facts = os.fstat(descriptor)
        is_directory = stat.S_ISDIR(facts.st_mode)
        seen.append((is_directory, 0 if is_directory else facts.st_size, place.read_text()))

    monkeypatch.setattr(os, "fsync", note)
    replace_file(place, b"new one")
    assert seen == [(False, 7, "old"), (True, 0, "new one")]
    seen.clear()
    replace_tree(tmp_path / "app", {"a.sql": b"x"}, frozenset())
    assert [each[:2] for each in seen] == [(False, 1), (True, 0)]


def test_nothing_is_written_through_what_stands_there_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, place = tmp_path / "target", tmp_path / "platform.json"
    target.write_text("kept")
    monkeypatch.setattr(secrets, "token_hex", lambda size: "guessed")
    (tmp_path / ".new-platform.json-guessed").symlink_to(target)
    with pytest.raises(DataDirUnusable):
        replace_file(place, b"new")
    assert target.read_text() == "kept" and not place.exists()


def test_leftovers_go_and_what_they_point_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "a.sql").touch()
    (tmp_path / ".new-link").symlink_to(kept)
    (tmp_path / ".new-tree" / "tables").mkdir(parents=True)
    (tmp_path / ".new-file").touch()
    (tmp_path / ".newer").touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".newer", "kept"} and (kept / "a.sql").exists()


def test_directories_are_synchronised_where_the_file_system_knows_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (errno.EINVAL, errno.ENOTSUP):
        monkeypatch.setattr(os, "fsync", failing(number))
        sync_directory(tmp_path)
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(OSError):
        sync_directory(tmp_path)
    with pytest.raises(NotADirectoryError):
        sync_directory(Path(__file__))


def test_a_lock_is_one_holders_or_that_of_all_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.01)
    path = tmp_path / ".lock"
    for first, second in ((False, False), (False, True), (True, False)):
        refused = pytest.raises(StonegateError, match="another process has held")
        with locked(path, shared=first), refused, locked(path, shared=second):
            pass
    with locked(path, shared=True), locked(path, shared=True):
        pass
    with locked(path):
        pass


def test_only_readers_go_without_a_lock_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lock(*, shared: bool) -> None:
        with locked(tmp_path / "missing" / ".lock", shared=shared):
            pass

    lock(shared=True)
    with pytest.raises(DataDirUnusable):
        lock(shared=False)
    for number in (errno.EACCES, errno.EROFS):
        monkeypatch.setattr(os, "open", failing(number))
        lock(shared=True)
    monkeypatch.setattr(os, "open", failing(errno.EIO))
    with pytest.raises(DataDirUnusable):
        lock(shared=True)


async def test_a_lock_around_what_awaits(tmp_path: Path) -> None:
    path, order = tmp_path / ".lock", list[str]()

    async def work(name: str) -> None:
        async with locked_meanwhile(path):
            order.append(name)
            await asyncio.sleep(0.005)
            order.append(name)

    await asyncio.gather(work("a"), work("b"))
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


def test_files_are_told_from_all_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("[]")
    (tmp_path / "loop").symlink_to("loop")
    assert is_file(tmp_path / "file")
    for other in (tmp_path, tmp_path / "loop", tmp_path / "missing", tmp_path / "file" / "below"):
        assert not is_file(other)
    with pytest.raises(DataDirUnusable, match="holds no JSON object"):
        read_document(tmp_path / "file")
    with pytest.raises(DataDirUnusable, match="cannot use"):
        read_document(tmp_path / "missing")
