"""A data directory, or a part of one, that the account may not look into: it is never taken for an empty one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stonegate.errors import DataDirUnusable
from stonegate.fleet.names import v1_owner
from stonegate.fleet.registry import Registry

NOBODY = 65534


@pytest.fixture
def place() -> Iterator[Path]:
    """A data directory below directories that everybody may enter, which pytest's own are not when root runs it."""
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        yield Path(root) / "data"


@contextlib.contextmanager
def closed(path: Path) -> Iterator[None]:
    """Closed to the account that the block runs as: another one's, or nobody's."""
    mode, is_root = path.stat().st_mode, os.geteuid() == 0
    path.chmod(0o700 if is_root else 0)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        path.chmod(mode)


def open_to_all(place: Path, platform: str) -> None:
    """The data directory and one platform of it."""
    place.chmod(0o755)
    (place / platform).chmod(0o755)
    (place / platform / "platform.json").chmod(0o644)


def test_a_data_directory_of_another_account(place: Path) -> None:
    """As when the gateway's is used at a prompt."""
    registry = Registry(place)
    registry.register("shop")
    with closed(place):
        for ask in (
            registry.platforms,
            lambda: registry.platform("shop"),
            lambda: Registry(place).find("shop"),
            lambda: Registry(place).register("other"),
        ):
            with pytest.raises(DataDirUnusable, match=r"cannot use /.*data") as refusal:
                ask()
            assert "this account" in (refusal.value.hint or "")


def test_a_platform_of_another_account_hides_nothing(place: Path) -> None:
    """Whose a database is cannot be told without it."""
    registry = Registry(place)
    for name in ("shop", "tools"):
        registry.register(name)
    open_to_all(place, "tools")
    with closed(place / "shop"):
        assert registry.platform("tools").name == "tools"
        with pytest.raises(DataDirUnusable, match=r"shop/platform\.json"):
            registry.require_free(v1_owner("tools", "7"))


def test_the_root_of_a_volume(place: Path) -> None:
    """Has a directory that only root may enter."""
    place.mkdir()
    own = place / "lost+found"
    own.mkdir()
    registry = Registry(place)
    registry.register("shop")
    open_to_all(place, "shop")
    with closed(own):
        assert [platform.name for platform in Registry(place).platforms()] == ["shop"]
        for _ in range(2):
            assert registry.find("nobody") is None
