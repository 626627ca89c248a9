"""One PostgreSQL data directory: created, started, stopped and asked for its state.

`server.py` keeps the private server of `--embedded` with it; the tests keep theirs. It needs PostgreSQL's programs
and nothing else: no session is opened, so it works before a server is up and after one was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import quote, urlencode

from msgspec import Struct

from stonegate.database.embedded.account import Account, give_to
from stonegate.errors import ConnectionFailed, UsageError

StopMode: TypeAlias = Literal["smart", "fast", "immediate"]

LONGEST_SOCKET_PATH = 103  # bytes; macOS has the shortest sun_path, 104 with the closing zero
START_SECONDS = 60
STOP_SECONDS = 60
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
RECOVERY_SECONDS = 15  # how long the children of a killed postmaster may take to notice
SUPERUSER = "postgres"


class Cluster(Struct, frozen=True, kw_only=True):
    """A data directory (`directory/data`), its sockets and its log, and how to run it.

    Args:
        programs: the directory of initdb, pg_ctl and postgres; the account can execute them.
        directory: absolute, made by the caller, owned by the account.
        account: who runs the server; None for the caller's own account.
        port: names the socket, and the TCP port where `settings` has listen_addresses.
        settings: server settings given on the command line (PostgreSQL manual, "Setting Parameters").
    """

    programs: Path
    directory: Path
    account: Account | None = None
    port: int = 5432
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """What the server writes from its start on."""
        return self.directory / "server.log"


class Postmaster(Struct, frozen=True, kw_only=True):
    """A running server, as its postmaster.pid describes it; not `ready` while it recovers from a crash."""

    pid: int
    port: int
    sockets: Path
    ready: bool

    def url(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """A libpq URL over the unix socket; the port is named, so that PGPORT in the environment means nothing."""
        place = urlencode({"host": str(self.sockets), "port": self.port}, safe="/")
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?{place}"


def create_cluster(cluster: Cluster, *, initdb_options: tuple[str, ...]) -> None:
    """Run initdb, unless the data directory is there; an initdb that was killed in the middle leaves nothing behind.

    Raises:
        ConnectionFailed: initdb failed; the cause is what it said.
    """
    if (cluster.data / "PG_VERSION").exists():
        return
    building = cluster.directory / "data.new"
    if building.exists():
        shutil.rmtree(building)
    options = (f"--username={SUPERUSER}", "--encoding=UTF8", "--auth-local=trust", *initdb_options)
    made = _run(cluster, "initdb", f"--pgdata={building}", *options)
    if made.returncode != 0:
        raise ConnectionFailed(
            f"initdb failed in {cluster.directory}", cause=made.stderr.strip() or made.stdout.strip()
        )
    building.rename(cluster.data)


def start_cluster(cluster: Cluster) -> Postmaster:
    """Start the server, unless it runs, and wait until it accepts sessions; it outlives the caller.

    Raises:
        ConnectionFailed: it does not start; the cause is the last fatal line of its log.
    """
    running = _wait_until_ready(cluster)
    if running is not None:
        return running
    _begin_log(cluster)
    options = shlex.join(_server_options(cluster))
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        read_already = cluster.log.stat().st_size
        arguments = ("start", "--wait", f"--timeout={START_SECONDS}", "--silent", "--log=server.log", "-o", options)
        started = _run(cluster, "pg_ctl", *arguments)
        # Where pg_ctl met the server of a starter that was killed, that one is as good.
        running = _wait_until_ready(cluster)
        if running is not None:
            return running
        said = cluster.log.read_bytes()[read_already:].decode(errors="replace")
        if time.monotonic() > deadline or not _clear_the_way(cluster, said):
            raise ConnectionFailed(
                f"the PostgreSQL server in {cluster.directory} does not start",
                cause=_reason(said) or (started.stderr or started.stdout).strip(),
                hint=f"read {cluster.log}",
            )


def stop_server(data: Path, *, mode: StopMode = "fast") -> bool:
    """Stop the server of a data directory and wait until it is down; False if it was not running.

    Args:
        data: PGDATA.
        mode: what happens to sessions (PostgreSQL manual, "Shutting Down the Server").

    Raises:
        ConnectionFailed: it would not stop within a minute.
        UsageError: it belongs to another account.
    """
    running = read_postmaster(data)
    if running is None:
        return False
    try:
        os.kill(running.pid, STOP_SIGNALS[mode])
    except PermissionError as error:
        raise _foreign(data, error) from error
    deadline = time.monotonic() + STOP_SECONDS
    # The last thing that a server does is to remove its lock file, unless it is killed meanwhile.
    while (data / "postmaster.pid").exists() and _program_of(running.pid) is not None:
        if time.monotonic() > deadline:
            hint = "end its sessions, or stop it with immediate mode"
            raise ConnectionFailed(f"the PostgreSQL server in {data} has not stopped in {STOP_SECONDS} s", hint=hint)
        time.sleep(0.01)
    if running.sockets.parent != data.resolve().parent:
        with contextlib.suppress(OSError):  # not empty: another server's sockets
            running.sockets.rmdir()
    return True


def read_postmaster(data: Path) -> Postmaster | None:
    """The server that runs in a data directory, or None.

    Only an answer on its socket counts: after a crash postmaster.pid stays behind, and its number may belong to any
    other process by then.

    Raises:
        UsageError: the directory belongs to another account.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise _foreign(data, error) from error
    # PostgreSQL's pidfile.h: pid, data directory, start time, port, socket directory, address, shared memory, status
    if len(lines) < 8 or not lines[4]:
        return None
    postmaster = Postmaster(
        pid=int(lines[0]), port=int(lines[3]), sockets=Path(lines[4]), ready=lines[7].strip() == "ready"
    )
    return postmaster if _answers(postmaster) else None


def _reason(said: str) -> str:
    """Why a server did not start, from its log: the last lines but for those that every start and stop writes."""
    messages = re.findall(r" (?:LOG|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT):\s+(.*)", said)
    usual = ("starting PostgreSQL", "listening on", "database system is shut down", "database system was shut down")
    return "; ".join([message for message in messages if not message.startswith(usual)][-3:])


def _wait_until_ready(cluster: Cluster) -> Postmaster | None:
    """The server, once it has recovered, for which a starter that was killed did not wait; None if none runs."""
    deadline = time.monotonic() + START_SECONDS
    while (running := read_postmaster(cluster.data)) is not None and not running.ready:
        if time.monotonic() > deadline:
            raise ConnectionFailed(f"the PostgreSQL server in {cluster.directory} starts up, but is not ready yet")
        time.sleep(0.05)
    return running


def _foreign(data: Path, error: PermissionError) -> UsageError:
    hint = "use the account that started the server, or another directory"
    return UsageError(f"{data} belongs to another account", cause=str(error), hint=hint)


def _answers(postmaster: Postmaster) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(postmaster.sockets / f".s.PGSQL.{postmaster.port}"))
        except OSError:
            return False
    return True


def _clear_the_way(cluster: Cluster, said: str) -> bool:
    """Whether another start may succeed after what the server said, once the remains of a crash are out of its way."""
    if "is still in use" in said:  # children of a killed postmaster; they end by themselves
        time.sleep(0.2)
        return True
    refused = re.search(r'lock file "([^"]+)" already exists', said)
    if refused is None:
        return False
    lock_file = cluster.data / refused[1]  # of the data directory, or of the socket
    # PostgreSQL trusts the number in its lock file: a zombie may bear it (containers without an init reap nothing), or
    # after a restart of the machine any other process.
    with contextlib.suppress(FileNotFoundError):  # gone with whoever tried at the same time
        number = lock_file.read_text().partition("\n")[0]
        if not number or _program_of(int(number)) in ("postgres", "postmaster"):
            time.sleep(0.2)
        else:
            lock_file.unlink()
    return True


def _program_of(pid: int) -> str | None:
    """The program that a process runs; None if there is no such process, or only a zombie that nobody has reaped."""
    if Path("/proc/self").exists():
        try:
            fields = dict(line.partition(":")[::2] for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields["State"].strip().startswith("Z") else fields["Name"].strip()
    found = subprocess.run(["ps", "-o", "stat=,comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, program = found.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else Path(program.strip()).name


def _server_options(cluster: Cluster) -> tuple[str, ...]:
    sockets = str(_socket_directory(cluster)).replace('"', '""')
    settings = (("port", str(cluster.port)), ("unix_socket_directories", f'"{sockets}"'), *cluster.settings)
    return tuple(word for name, value in settings for word in ("-c", f"{name}={value}"))


def _socket_directory(cluster: Cluster) -> Path:
    """`directory/run`; where that is too long for a socket's name, a directory in the temporary one that is ours."""
    chosen = cluster.directory / "run"
    if len(os.fsencode(chosen / ".s.PGSQL.65535")) > LONGEST_SOCKET_PATH:
        key = hashlib.sha256(os.fsencode(cluster.directory)).hexdigest()[:16]
        chosen = Path(tempfile.gettempdir()) / f"stonegate-{key}"
    owner = os.geteuid() if cluster.account is None else cluster.account.uid
    if not chosen.is_dir():
        chosen.mkdir(mode=0o700)
        give_to(cluster.account, chosen)
    found = chosen.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise UsageError(f"{chosen} is not a directory of the server's account", hint=f"remove {chosen}")
    return chosen


def _begin_log(cluster: Cluster) -> None:
    """One log per start, and the one before it."""
    if cluster.log.exists():
        cluster.log.replace(cluster.log.with_suffix(".log.1"))
    cluster.log.touch(mode=0o600)
    give_to(cluster.account, cluster.log)


def _run(cluster: Cluster, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs as the account, in the cluster's directory.

    PGDATA and a relative log name keep the path out of the shell command that pg_ctl makes up.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    environment |= {"PGDATA": str(cluster.data), "LC_ALL": "C"}
    account = cluster.account
    # Output goes to files: a pipe would stay open, and be waited for, as long as the server that inherits it.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(
            [cluster.programs / program, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            text=True,
            cwd=cluster.directory,
            env=environment,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())
