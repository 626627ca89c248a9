"""The registry: which platforms there are, and which databases are theirs.

One directory per platform below the data directory, with `platform.json` and the stored folders. Every change happens
under one lock for all platforms, since names of one may collide with those of another.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from stonegate.errors import (
    DatabaseAlreadyExists,
    DataDirUnusable,
    PlatformAlreadyRegistered,
    PlatformIsolationViolation,
    PlatformNotFound,
)
from stonegate.fleet.files import (
    is_file,
    locked,
    make_directory,
    read_document,
    replace_file,
    unusable,
)
from stonegate.fleet.index import Index, list_files
from stonegate.fleet.names import PLATFORM_FILE, Owner, directory_name, sanitise, word_of
from stonegate.fleet.records import (
    OURS,
    DatabaseRecord,
    Document,
    PlatformRecord,
    add_database,
    new_document,
    ours,
    parse_record,
    remove_database,
    set_login,
)

LOCK_FILE = ".registry.lock"

_HINT = "`stonegate platform list` shows them; `stonegate platform register NAME` makes one"


class Registry:
    """The platforms below a data directory. Methods block for milliseconds; reads see only finished writes.

    Args:
        directory: DATA_DIR; made with the first change.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._known: dict[Path, tuple[tuple[int, int, int], PlatformRecord]] = {}
        self._found: dict[str, Path] = {}  # where a platform's file was the last time
        self._index: Index | None = None

    # --- reading ----------------------------------------------------------------------------------------------------

    def platforms(self) -> tuple[PlatformRecord, ...]:
        """All platforms by name.

        Raises:
            DataDirUnusable: a file cannot be read, or is no JSON object.
        """
        return tuple(sorted((self._read(path) for path in list_files(self.directory)), key=lambda record: record.name))

    def platform(self, name: str) -> PlatformRecord:
        """The platform of exactly that name.

        Raises:
            PlatformNotFound: there is none.
            DataDirUnusable: its file cannot be read.
        """
        record = self.find(name)
        if record is None:
            raise PlatformNotFound(f"there is no platform {name}", hint=_HINT)
        return record

    def find(self, name: str) -> PlatformRecord | None:
        """The platform of exactly that name, or None."""
        path = self._found.get(name)
        if path is not None and path in self._known:
            with contextlib.suppress(DataDirUnusable):  # it was removed
                record = self._read(path)
                if record.name == name:
                    return record
        path = self._find_file(name)
        if path is None:
            return None
        self._found[name] = path
        return self._read(path)

    def owner_of(self, database: str) -> DatabaseRecord | None:
        """The record of a database, whichever platform has it."""
        for record in self.platforms():
            for each in record.databases:
                if each.database == database:
                    return each
        return None

    def require_free(self, owner: Owner) -> None:
        """Refuse an owner whose database name is another's: names that differ may be one when they are sanitised.

        Raises:
            PlatformIsolationViolation: the name belongs to another platform or tenant.
            UsageError: the name is not possible.
        """
        taken = self.owner_of(owner.database)
        if taken is not None and taken.owner != owner:
            raise foreign(owner, taken.owner)

    def require_unrecorded(
        self, owner: Owner, database: str, *, renamed: str | None = None, former: str | None = None
    ) -> None:
        """Refuse a database that is recorded as another's, and an owner whose recorded database is another.

        Args:
            renamed: what the database was called before.
            former: the platform whose it may be recorded as.

        Raises:
            PlatformIsolationViolation: the database belongs to another platform or tenant.
            DatabaseAlreadyExists: the owner has a database of another name.
        """
        taken = self.owner_of(database)
        if taken is not None:
            require_same(owner, taken.owner, database, former=former)
        platform = self.find(owner.platform)
        own = None if platform is None else platform.find(owner)
        if own is not None and own.database not in (database, renamed):
            raise DatabaseAlreadyExists(
                f"{owner} has a database already: {own.database}",
                hint=f"name another tenant for {database}: --tenant ID",
                database=own.database,
            )

    # --- changing ---------------------------------------------------------------------------------------------------

    def register(self, name: str, *, login: tuple[str, str] | None = None) -> PlatformRecord:
        """Add a platform.

        Args:
            login: its role and the role's password.

        Raises:
            PlatformAlreadyRegistered: it is there.
            PlatformIsolationViolation: another platform's databases would have the same names, or has that role.
        """
        with self._locked():
            if self.find(name) is not None:
                listed = "`stonegate platform list` shows all of them"
                raise PlatformAlreadyRegistered(f"the platform {name} is registered already", hint=listed)
            return self._add(name, login)

    def ensure(self, name: str) -> PlatformRecord:
        """The platform, added if it is missing: containers of v1 register databases only.

        Raises:
            PlatformIsolationViolation: another platform's databases would have the same names.
        """
        found = self.find(name)
        if found is not None:
            return found
        with self._locked():
            return self.find(name) or self._add(name, None)

    def record(self, record: DatabaseRecord, *, renamed: str | None = None, former: str | None = None) -> None:
        """Write down a finished database; a record of the same owner and name is replaced.

        Args:
            renamed: what it was called before; that record is replaced.
            former: so is one of that platform, for whichever tenant or schema.

        Raises:
            PlatformNotFound: no such platform.
            PlatformIsolationViolation: the database is recorded as another's.
            DatabaseAlreadyExists: the owner has another database.
        """
        with self._locked():
            self.require_unrecorded(record.owner, record.database, renamed=renamed, former=former)
            if former is not None and former != record.owner.platform and self.find(former) is not None:
                self._change(former, lambda document: remove_database(document, record.database))

            def change(document: Document) -> None:
                if renamed is not None:
                    remove_database(document, renamed)
                add_database(document, record)

            self._change(record.owner.platform, change)

    def forget(self, platform: str, database: str) -> DatabaseRecord | None:
        """Take a database out of a platform's records: its record, or None if there was none, which is fine.

        Raises:
            PlatformNotFound: no such platform.
        """
        with self._locked():
            known = next((each for each in self.platform(platform).databases if each.database == database), None)
            self._change(platform, lambda document: remove_database(document, database))
            return known

    def change(self, platform: str, change: Callable[[Document], None]) -> PlatformRecord:
        """Change the document of a platform under the lock.

        Raises:
            PlatformNotFound: no such platform.
        """
        with self._locked():
            return self._change(platform, change)

    # --- files ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        make_directory(self.directory, LOCK_FILE, f"*/{PLATFORM_FILE}")
        with locked(self.directory / LOCK_FILE):
            yield

    def _find_file(self, name: str) -> Path | None:
        guess = self.directory / directory_name(name, "platform") / PLATFORM_FILE
        if is_file(guess) and self._read(guess).name == name:
            return guess
        if self._index is None or not self._index.holds(self.directory):
            self._index = Index(self.directory, self._read)
        return self._index.files.get(name)

    def home(self, name: str) -> Path:
        """The directory of a platform.

        Raises:
            PlatformNotFound: no such platform.
        """
        path = self._find_file(name)
        if path is None:
            raise PlatformNotFound(f"there is no platform {name}", hint=_HINT)
        return path.parent

    def _read(self, path: Path) -> PlatformRecord:
        """The platform of a file; parsed again only when the file was replaced."""
        try:
            facts = os.stat(path)  # noqa: PTH116 - the gateway's every call looks
        except OSError as error:
            raise unusable(path, error) from error
        version = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
        known = self._known.get(path)
        if known is not None and known[0] == version:
            return known[1]
        document = read_document(path)
        # An entry that nobody can read is left out; all of them together would make a fleet look empty.
        for place, part, kinds in (("", document, (list, dict)), (f"{OURS}.", ours(document), (list,))):
            if not isinstance(part.get("databases") or [], kinds):
                raise DataDirUnusable(f'"{place}databases" in {path} is no list', hint="restore it from a copy")
        record = parse_record(document, path.parent.name)
        self._known[path] = (version, record)
        return record

    def _add(self, name: str, login: tuple[str, str] | None) -> PlatformRecord:
        """Write a new platform's file, under the lock."""
        word = sanitise(name, "platform")
        for other in self.platforms():
            if word_of(other.name) == word:
                raise PlatformIsolationViolation(
                    f"the platform {name} would have the same database names as the platform {other.name}: {word}_…",
                    hint="choose a name that differs in more than case and punctuation",
                )
            if login is not None and other.login is not None and other.login.user == login[0]:
                raise PlatformIsolationViolation(
                    f"the role {login[0]} belongs to the platform {other.name}", hint="each platform has its own role"
                )
        home = self.directory / directory_name(name, "platform")
        make_directory(home)
        document = new_document(name)
        if login is not None:
            set_login(document, *login)
        self._write(home / PLATFORM_FILE, document)
        return self._read(home / PLATFORM_FILE)

    def _change(self, platform: str, change: Callable[[Document], None]) -> PlatformRecord:
        path = self.home(platform) / PLATFORM_FILE
        document = read_document(path)
        change(document)
        self._write(path, document)
        return self._read(path)

    def _write(self, path: Path, document: Document) -> None:
        make_directory(path.parent)
        replace_file(path, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def require_same(owner: Owner, taken: Owner, database: str, *, former: str | None) -> None:
    """Refuse a database that is another owner's, and not the former platform's.

    Raises:
        PlatformIsolationViolation: it is.
    """
    if taken == owner or taken.platform == former:
        return
    error, is_ours = foreign(owner, taken, database), taken.platform == owner.platform
    if is_ours or error.hint is None:
        whose = shlex.quote(owner.platform) if is_ours else "THAT_PLATFORM"
        error.hint = f"if it was adopted by mistake: {owner.adopting(database)} --from {whose}"
    raise error


def foreign(owner: Owner, taken: Owner, database: str | None = None) -> PlatformIsolationViolation:
    """Two owners, one database. The other one's name is told only to its own platform.

    Args:
        database: its name; None for the one that the owner's names make.
    """
    whose = str(taken) if taken.platform == owner.platform else "another platform"
    name = database or owner.database
    rule = "names of platforms, schemas and tenants must differ in letters and digits"
    return PlatformIsolationViolation(
        f"the database {name} belongs to {whose}, not to {owner}",
        hint=rule if name == owner.database else None,
        database=name,
    )
