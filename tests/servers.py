"""Real PostgreSQL servers for the tests: one of each version per run, shared by all workers, and throw-away ones.

A run owns a directory in the temporary one. Its servers are tuned for speed and lose everything with a crash of the
machine; a `PrivateServer` keeps fsync on, because it is there to be killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psutil
import psycopg
import pytest
from msgspec.structs import replace
from psycopg import sql
from psycopg.pq import ExecStatus

from stonegate.database.embedded.account import find_server_account, give_to, reachable_programs
from stonegate.database.embedded.cluster import (
    Cluster,
    Postmaster,
    StopMode,
    create_cluster,
    read_postmaster,
    start_cluster,
    stop_server,
)
from stonegate.errors import ConnectionFailed
from tests.admins import admin_of
from tests.ports import find_free_port
from tests.programs import find_programs
from tests.roots import find_root

ADMIN_PASSWORD = "postgres"
RUN_PREFIX = "stonegate-tests-"
PORT_ATTEMPTS = 3

# Over the socket everybody is trusted; over TCP passwords count, as they do in production.
INITDB_OPTIONS = ("--auth-host=scram-sha-256", "--no-sync")
LIBC_LOCALE = ("--locale=C.UTF-8",) if sys.platform == "linux" else ("--locale=C",)
BUILTIN_LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")  # from PostgreSQL 17 on
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "120",  # each session pays for the room: for 300 a twentieth more
    "max_locks_per_transaction": "256",
    "shared_buffers": "64MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    # In the data directory, which goes with the server: what a killed one leaves in /dev/shm stays there for ever.
    "dynamic_shared_memory_type": "mmap",
}
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_wal_size": "256MB",
    "wal_recycle": "off",
    "wal_init_zero": "off",
}
#: Without processes to hand each read of a page to (PostgreSQL 18 and later).
OWN_READS = {"io_method": "sync"}
#: A password of 4,096 rounds takes as long to check as all the rest of a login (PostgreSQL 16 and later).
CHEAP_LOGINS = {"scram_iterations": "1"}


def psql(url: str, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Run SQL in a session of its own, committed at once; the rows of the last statement, or an empty list."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, parameters or None)  # type: ignore[arg-type]
        while cursor.nextset():
            pass
        # Rows without columns are rows: of them a cursor has no description.
        has_rows = cursor.pgresult is not None and cursor.pgresult.status == ExecStatus.TUPLES_OK
        return cursor.fetchall() if has_rows else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server that all workers share: databases are made on it, it is never stopped or reconfigured."""

    major: int
    programs: Path
    postmaster: Postmaster

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """libpq URL over the unix socket, where no password is asked for."""
        return self.postmaster.url(database, user)

    def tcp_url(self, database: str = "postgres", user: str = "postgres", password: str = ADMIN_PASSWORD) -> str:
        """libpq URL over 127.0.0.1, where passwords (SCRAM) count."""
        login, name = f"{quote(user, safe='')}:{quote(password, safe='')}", quote(database, safe="")
        return f"postgresql://{login}@127.0.0.1:{self.postmaster.port}/{name}"

    @property
    def admin_url(self) -> str:
        """The superuser on the maintenance database."""
        return self.url()


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One database of a test's own."""

    server: Server
    name: str

    @property
    def url(self) -> str:
        """libpq URL of the superuser, over the unix socket."""
        return self.server.url(self.name)

    @property
    def tcp_url(self) -> str:
        """libpq URL of the superuser with its password, over 127.0.0.1."""
        return self.server.tcp_url(self.name)

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run SQL in a session of its own; see `psql`."""
        return psql(self.url, statement, parameters)


def create_database(server: Server, name: str, *, template: str = "template1") -> Database:
    """Clone a template; template1 is empty, too, and a copy of its files has what a first session has to write.

    Without fsync, copying files is much cheaper than copying pages through the log.
    """
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    admin_of(server.admin_url).execute(statement)
    return Database(server=server, name=name)


def drop_database(database: Database) -> None:
    """Drop a database and end the sessions on it; one that is gone already is fine."""
    name = sql.Identifier(database.name)
    admin_of(database.server.admin_url).execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def drop_references(server: Server, *fingerprints: str) -> None:
    """Drop the reference databases of folders that this test will not deploy again; another one builds its own."""
    admin = admin_of(server.admin_url)
    with contextlib.suppress(psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedTable):  # none was ever built
        statement = "DELETE FROM stonegate.reference_databases WHERE fingerprint = ANY(%s) RETURNING database"
        for (found,) in admin.execute(statement, (list(fingerprints),)).fetchall():
            name = sql.Identifier(found)
            # Another worker drops the same folder's, or is just doing so, which makes the database invalid.
            gone = (psycopg.errors.InvalidCatalogName, psycopg.errors.ObjectNotInPrerequisiteState)
            with contextlib.suppress(*gone):
                admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(name))
                admin.execute(sql.SQL("DROP DATABASE {}").format(name))


class PrivateServer:
    """A throw-away server with fsync on, whose port stays the same over restarts: to be stopped, killed and started."""

    def __init__(self, directory: Path, major: int, settings: dict[str, str], template: Path) -> None:
        self.major = major
        self._cluster = _make_cluster(directory, major, SETTINGS | settings)
        self._template = template
        self._postmaster: Postmaster | None = None

    def start(self) -> None:
        """Start it (crash recovery included) and wait until it accepts sessions."""
        keep_port = self._postmaster is not None
        self._cluster, self._postmaster = _start(self._cluster, self._template, keep_port=keep_port)

    def stop(self, mode: StopMode = "immediate") -> None:
        """Stop it; `immediate` is a crash that PostgreSQL knows of."""
        stop_server(self._cluster.data, mode=mode)

    def kill(self) -> None:
        """The whole server at once, as a power cut does it; see `kill_server`."""
        if (running := read_postmaster(self._cluster.data)) is not None:
            kill_server(running.pid)

    @property
    def running(self) -> bool:
        """Whether it accepts sessions."""
        return read_postmaster(self._cluster.data) is not None

    @property
    def server(self) -> Server:
        """The same facts as a shared server's: URLs, major version, programs. Valid over restarts."""
        assert self._postmaster is not None, "not started"
        return Server(major=self.major, programs=self._cluster.programs, postmaster=self._postmaster)

    @property
    def admin_url(self) -> str:
        """The superuser on the maintenance database."""
        return self.server.admin_url

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """libpq URL over the unix socket."""
        return self.server.url(database, user)

    def tcp_url(self, database: str = "postgres", user: str = "postgres", password: str = ADMIN_PASSWORD) -> str:
        """libpq URL over 127.0.0.1, with a password."""
        return self.server.tcp_url(database, user, password)


def kill_server(pid: int) -> None:
    """SIGKILL to a postmaster and all its children, as the kernel's out-of-memory killer does it; returns when dead."""
    postmaster = psutil.Process(pid)
    postmaster.suspend()  # so that it starts no further child meanwhile
    killed = [*postmaster.children(recursive=True), postmaster]
    for process in killed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(map(_is_alive, killed)) and time.monotonic() < deadline:
        time.sleep(0.005)


def _is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; a zombie, which waits only for its parent, has let go of everything."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The servers of one test run, known to all its workers by the directory alone."""

    directory: Path

    def _template(self, major: int) -> Path:
        """A data directory for copies: initdb takes ten times as long as one."""
        home = self.directory / f"template{major}"
        with _locked(self.directory / f"template{major}.lock"):
            cluster = _make_cluster(home, major, {})
            locale = LIBC_LOCALE if major < 17 else BUILTIN_LOCALE
            create_cluster(cluster, initdb_options=(*INITDB_OPTIONS, *locale))
            _lighten(cluster.data)
        return cluster.data

    def shared_server(self, major: int) -> Server:
        """The run's server of a version; whoever asks first starts it, the others wait for that.

        Raises:
            LookupError: that version is not installed.
            ConnectionFailed: it does not start.
        """
        home = self.directory / f"pg{major}"
        with _locked(self.directory / f"pg{major}.lock"):
            newer = (CHEAP_LOGINS if major >= 16 else {}) | (OWN_READS if major >= 18 else {})
            cluster = _make_cluster(home, major, SETTINGS | FAST | newer)
            running = read_postmaster(cluster.data)
            if running is None:
                _, running = _start(cluster, self._template(major), keep_port=False)
                _enter_template0(running)
        return Server(major=major, programs=cluster.programs, postmaster=running)

    @contextlib.contextmanager
    def private_server(self, major: int, **settings: str) -> Iterator[PrivateServer]:
        """A started server of a test's own; stopped and removed afterwards, whatever the test did to it."""
        home = Path(tempfile.mkdtemp(prefix=f"private{major}-", dir=self.directory))
        server = PrivateServer(home, major, settings, self._template(major))
        try:
            server.start()
            yield server
        finally:
            server.kill()
            shutil.rmtree(home, ignore_errors=True)

    def stop(self) -> None:
        """Stop all servers and remove the directory."""
        for home in self.directory.iterdir():
            if home.is_dir():
                stop_server(home / "data", mode="immediate")
        shutil.rmtree(self.directory, ignore_errors=True)


class MakeDatabase(Protocol):
    """The `make_database` fixture."""

    def __call__(self, server: Server, template: Database | str | None = None) -> Database: ...


class MakePrivateServer(Protocol):
    """The `private_server` fixture."""

    def __call__(self, major: int = 18, **settings: str) -> PrivateServer: ...


RUN = pytest.StashKey[Run]()  # where conftest.py keeps the run of this process


@contextlib.contextmanager
def begin_run(*, in_memory: bool = True) -> Iterator[Run]:
    """The run of this process and its workers, stopped at the end; first removes what killed runs left behind.

    Args:
        in_memory: where there is room; False for measurements of what a disk costs.
    """
    root = find_root(in_memory=in_memory)
    for remains in root.glob(f"{RUN_PREFIX}*"):
        _remove_if_abandoned(remains)
    directory = Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=root))
    directory.chmod(0o755)  # the server's account, which root's servers have, enters it too
    with _locked(directory / "owner.new"):
        (directory / "owner.new").rename(directory / "owner.lock")
        run = Run(directory=directory)
        try:
            yield run
        finally:
            run.stop()


def _remove_if_abandoned(directory: Path) -> None:
    """Stop the servers of a run whose process is gone: a lock dies with its process, a process id may be reused."""
    try:
        if directory.stat().st_uid != os.geteuid() or not stat.S_ISDIR(directory.lstat().st_mode):
            return
        with _locked(directory / "owner.lock", create=False, wait=False):
            Run(directory=directory).stop()
    except (FileNotFoundError, BlockingIOError):
        return


@contextlib.contextmanager
def _locked(path: Path, *, create: bool = True, wait: bool = True) -> Iterator[None]:
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    lock_file = os.open(path, flags, 0o600)
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(lock_file)


def _make_cluster(home: Path, major: int, settings: dict[str, str]) -> Cluster:
    account = find_server_account(home)
    home.mkdir(mode=0o700, exist_ok=True)
    give_to(account, home)
    programs = reachable_programs(account, find_programs(major))
    return Cluster(programs=programs, directory=home, account=account, settings=tuple(settings.items()))


def _lighten(data: Path) -> None:
    """Remove the maps of free and of visible pages, a sixth of each new database: PostgreSQL makes new ones."""
    for pattern in ("*_fsm", "*_vm"):
        for map_file in data.glob(f"base/*/{pattern}"):
            map_file.unlink()


def _enter_template0(postmaster: Postmaster) -> None:
    """The first session of a database writes what all others read (pg_internal.init), and its clones get that file."""
    admin = postmaster.url("template1")
    psql(admin, "ALTER DATABASE template0 ALLOW_CONNECTIONS true")
    psql(postmaster.url("template0"), "SELECT")
    psql(admin, "ALTER DATABASE template0 ALLOW_CONNECTIONS false")


def _start(cluster: Cluster, template: Path, *, keep_port: bool) -> tuple[Cluster, Postmaster]:
    """Copy the template if need be and start the server; without `keep_port` on a port that is free."""
    is_new = not cluster.data.exists()
    if is_new:
        subprocess.run(["cp", "-a", str(template), str(cluster.data)], check=True)
    for attempt in itertools.count(1):
        if not keep_port:
            cluster = replace(cluster, port=find_free_port())
        try:
            postmaster = start_cluster(cluster)
        except ConnectionFailed:  # somebody took the port between our look and the server's
            if attempt == PORT_ATTEMPTS:
                raise
        else:
            break
    if is_new:
        psql(postmaster.url("template1"), f"ALTER ROLE postgres PASSWORD '{ADMIN_PASSWORD}'")
    return cluster, postmaster
