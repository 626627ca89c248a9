"""Which role a platform may have, and which password is in force; on a server that has nothing but roles."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from stonegate.database.server.locks import LockKey, role_key
from stonegate.database.tenants.roles import RoleFacts
from stonegate.errors import ConnectionFailed, MigrationFailed, PlatformAlreadyRegistered, StonegateError, UsageError
from stonegate.errors import PlatformIsolationViolation as Violation
from stonegate.fleet import credentials
from stonegate.fleet.credentials import register_platform, rotate_password
from stonegate.fleet.records import set_next_password
from stonegate.fleet.registry import Registry


class Server:
    """Roles and their passwords; what is done under a lock that it notes."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.passwords: dict[str, str] = {}
        self.facts: dict[str, RoleFacts] = {}
        self.locked: list[LockKey] = []
        self.made: list[str] = []
        self.joined: list[str] = []
        self.fails: StonegateError | None = None
        self.is_closed = False
        self.changing = 0
        self.meanwhile: str | None = None  # a platform that somebody else registers

    @contextlib.asynccontextmanager
    async def hold_lock(self, maintenance: object, key: LockKey, *, timeout_s: float) -> AsyncIterator[None]:
        self.locked.append(key)
        if self.meanwhile is not None:
            self.registry.register(self.meanwhile)
        try:
            yield
        finally:
            self.locked.remove(key)

    async def create_role(self, maintenance: object, name: str, password: str) -> bool:
        assert self.locked == [role_key(name)]
        if name in self.passwords:
            return False
        self.passwords[name] = password
        self.made.append(name)
        return True

    async def drop_role(self, maintenance: object, name: str) -> None:
        del self.passwords[name]

    async def read_role(self, maintenance: object, name: str) -> RoleFacts | None:
        return self.facts.get(name)

    async def require_member(self, maintenance: object, name: str) -> None:
        self.joined.append(name)

    async def set_password(self, maintenance: object, name: str, password: str) -> None:
        login = self.registry.platform("shop").login
        assert login is not None and password in login.passwords, "readers know it before it is in force"
        if self.fails is not None:
            raise self.fails
        self.changing += 1
        await asyncio.sleep(0.01)
        assert self.changing == 1, "one rotation at a time"
        self.changing -= 1
        self.passwords[name] = password

    async def can_login(self, conninfo: str) -> bool:
        if self.is_closed:
            raise ConnectionFailed("closed")
        return any(f"user={name} password={password}" in conninfo for name, password in self.passwords.items())


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "data")


@pytest.fixture
def server(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server(registry)

    async def connect(server: str) -> Any:
        return None

    @contextlib.asynccontextmanager
    async def using(session: object) -> AsyncIterator[None]:
        yield

    for name, part in (("connect_maintenance", connect), ("using", using)):
        monkeypatch.setattr(credentials, name, part)
    for name in ("hold_lock", "create_role", "drop_role", "read_role", "require_member", "set_password", "can_login"):
        monkeypatch.setattr(credentials, name, getattr(made, name))
    return made


def passwords(registry: Registry) -> tuple[str, ...]:
    login = registry.platform("shop").login
    return () if login is None else login.passwords


def facts(name: str, *powers: str, groups: tuple[str, ...] = (), may_login: bool = True) -> RoleFacts:
    return RoleFacts(name=name, may_login=may_login, powers=powers, memberships=groups)


async def test_a_role_is_made_with_a_password_that_is_recorded(registry: Registry, server: Server) -> None:
    assert (await register_platform(registry, "host=h", "plain")).login is None
    assert server.passwords == {}
    await register_platform(registry, "host=h", "shop", user="r")
    assert passwords(registry) == (server.passwords["r"],) and len(server.passwords["r"]) > 40
    await register_platform(registry, "host=h", "tools", user="x" * 63, password="given")
    assert server.passwords["x" * 63] == "given" and server.locked == [] and server.joined == []


@pytest.mark.parametrize(
    ("user", "password"),
    [(None, "p"), ("", None), ("x" * 64, None), ("ä" * 32, None), ("a\0b", None), ("r", "a\0b")],
)
async def test_names_and_passwords_that_no_role_has(
    registry: Registry, server: Server, user: str | None, password: str | None
) -> None:
    with pytest.raises(UsageError):
        await register_platform(registry, "host=h", "shop", user=user, password=password)
    assert registry.platforms() == () and server.passwords == {}


@pytest.mark.parametrize(
    ("role", "password", "words"),
    [
        (facts("r"), None, "exists already$"),
        (facts("r"), "wrong", "with another password"),
        (facts("r", may_login=False), "right", "may not log in"),
        (None, "right", "may not log in"),  # it is gone again
        (facts("r", "CREATEDB"), "right", "can do more than a platform's role may: CREATEDB"),
        (facts("r", groups=("admins",)), "right", "member of admins"),
    ],
)
async def test_a_role_of_somebody_else_is_not_taken(
    registry: Registry, server: Server, role: RoleFacts | None, password: str | None, words: str
) -> None:
    server.passwords["r"] = "right"
    if role is not None:
        server.facts["r"] = role
    with pytest.raises(UsageError, match=words):
        await register_platform(registry, "host=h", "shop", user="r", password=password)
    assert registry.platforms() == () and server.passwords == {"r": "right"} and server.joined == []
    server.facts["r"] = facts("r")
    await register_platform(registry, "host=h", "shop", user="r", password="right")
    assert server.joined == ["r"] and passwords(registry) == ("right",)


async def test_of_a_platform_that_cannot_be_registered_no_role_stays(registry: Registry, server: Server) -> None:
    registry.register("a-b")
    with pytest.raises(PlatformAlreadyRegistered):
        await register_platform(registry, "host=h", "a-b", user="r")
    with pytest.raises(Violation):
        await register_platform(registry, "host=h", "a_b", user="r")
    server.meanwhile = "c"
    with pytest.raises(PlatformAlreadyRegistered):
        await register_platform(registry, "host=h", "c", user="r")
    assert server.passwords == {} and server.made == ["r"], "only for the twin, of which the registry alone knows"
    server.meanwhile, server.passwords["r"], server.facts["r"] = None, "right", facts("r")
    with pytest.raises(Violation):
        await register_platform(registry, "host=h", "A-b", user="r", password="right")
    assert server.passwords == {"r": "right"}  # it was there before


async def test_a_rotation_that_fails_leaves_both_passwords_and_the_next_finds_out(
    registry: Registry, server: Server
) -> None:
    await register_platform(registry, "host=h", "shop", user="r", password="first")
    await rotate_password(registry, "host=h", "shop", "second")
    assert (server.passwords["r"], passwords(registry)) == ("second", ("second",))
    server.fails = MigrationFailed("no")
    with pytest.raises(MigrationFailed):
        await rotate_password(registry, "host=h", "shop", "third")
    assert set(passwords(registry)) == {"second", "third"} and server.passwords["r"] == "second"
    # Nobody can tell which is in force, and the next step sets one anyway.
    server.fails, server.is_closed = None, True
    await rotate_password(registry, "host=h", "shop")
    assert passwords(registry) == (server.passwords["r"],) and len(server.passwords["r"]) > 40
    server.is_closed = False
    await asyncio.gather(*(rotate_password(registry, "host=h", "shop", text) for text in ("fourth", "second")))
    registry.change("shop", lambda document: set_next_password(document, "never set"))
    for in_force in (server.passwords["r"], "half"):
        server.passwords["r"] = in_force
        if in_force == "half":
            registry.change("shop", lambda document: set_next_password(document, "half"))
        settled: list[tuple[str, ...]] = []
        change = registry.change

        def note(platform: str, edit: Any, change: Any = change, settled: Any = settled) -> Any:
            record = change(platform, edit)
            settled.append(passwords(registry))
            return record

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(registry, "change", note)
            await rotate_password(registry, "host=h", "shop", "last")
        assert settled[0] == (in_force,) and passwords(registry) == ("last",) == (server.passwords["r"],)


async def test_there_is_nothing_to_rotate_without_a_role(registry: Registry, server: Server) -> None:
    await register_platform(registry, "host=h", "shop")
    with pytest.raises(UsageError, match="has no role of its own"):
        await rotate_password(registry, "host=h", "shop")
    assert passwords(registry) == ()
