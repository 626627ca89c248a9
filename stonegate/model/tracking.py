"""What the tracking tables of a database say was deployed there, and what they are to say (behaviour, §7)."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind

#: Stands for the change stamp of a deployment that nobody has looked at: no database has such a one.
BY_SCRIPT = "script"
#: The mode of a first deployment where somebody had made something before.
BESIDE_OTHERS = "fresh beside others"


class AppliedMigration(Struct, frozen=True, kw_only=True):
    """A migration that ran or was baselined; `checksum` is ours, None where only the original's raw one is known."""

    name: str
    raw_checksum: str
    checksum: str | None
    baselined: bool = False


class DeployedObject(Struct, frozen=True, kw_only=True):
    """A row of `_types`, `_tables` or `_functions`.

    Attributes:
        name: as recorded by whoever deployed it.
        param_types: as written, upper-cased (functions of the original).
        identity: the object key's label, None for rows that only the original wrote.
        checksum: stonegate's checksum, None for rows that only the original wrote.
        original_checksum: the original's.
    """

    name: str
    param_types: tuple[str, ...] = ()
    identity: str | None = None
    checksum: str | None = None
    original_checksum: str
    file: str = ""


class Deployment(Struct, frozen=True, kw_only=True):
    """The latest row of `_deployments`.

    Attributes:
        catalog: the desired state of then, the third side of the diff.
        live_checksum: of the live catalog as it was read at the end; None where it was not, or something followed.
        is_comparable: these two were read as catalogs are read now. Else (another version of stonegate wrote them)
            they say which objects and members there were, and an attribute that differs now says nothing.
        tool_version: of the stonegate that deployed.
        executed_by: the role that deployed; what belongs to it in `catalog` says nothing about its owner.
        outside: kinds that the folder declared without having a directory for them.
        is_mixed: what `catalog` holds may have been there before, made by somebody else: it was read, not built.
    """

    id: int
    digest: str
    fingerprint: str
    stamp: str
    catalog: Catalog | None = None
    live_checksum: str | None = None
    is_comparable: bool = True
    tool_version: str | None = None
    executed_by: str = ""
    outside: tuple[ObjectKind, ...] = ()
    is_mixed: bool = False

    @property
    def is_by_script(self) -> bool:
        """A script did it and recorded that; no apply has verified it yet."""
        return self.stamp == BY_SCRIPT


class TrackingState(Struct, frozen=True, kw_only=True):
    """Everything that the tracking tables of one database hold.

    Attributes:
        exists: the tracking tables are there.
        missing_seeds: keys ("table key-values") whose absence was consented to earlier.
        unfinished: ids of post-commit statements that were announced, started or failed, and are not done.
        finished: those of the same deployment that are done.
        interrupted: those of `unfinished` that were started, and of which nobody knows how they ended.
        fingerprints: folder fingerprints that this database had, oldest first.
        excepted: differences left alone at adoption (`Plan.excepted` of the latest deployment), still not acted on.
    """

    exists: bool = False
    migrations: tuple[AppliedMigration, ...] = ()
    types: tuple[DeployedObject, ...] = ()
    tables: tuple[DeployedObject, ...] = ()
    routines: tuple[DeployedObject, ...] = ()
    last: Deployment | None = None
    missing_seeds: frozenset[str] = frozenset()
    unfinished: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    interrupted: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()

    @property
    def declared(self) -> Catalog | None:
        """The third side of the diff: what the last deployment declared, None before the first one."""
        return None if self.last is None else self.last.catalog

    @property
    def comparable(self) -> Catalog | None:
        """The same, where attributes that differ from it were changed: it was read as catalogs are read now."""
        return self.declared if self.last is not None and self.last.is_comparable else None

    @property
    def tells_changes(self) -> bool:
        """True if what differs from `comparable` was changed since then: it was found so when it was recorded."""
        return self.comparable is not None and self.last is not None and not self.last.is_by_script

    @property
    def essence(self) -> TrackingState:
        """Without what decides nothing (number, stamp, version, the folder's bytes), and without the catalog, which is
        compared apart."""
        if self.last is None:
            return self
        stamp = BY_SCRIPT if self.last.is_by_script else ""
        last = replace(self.last, id=0, digest="", stamp=stamp, catalog=None, live_checksum=None, tool_version=None)
        return replace(self, last=last)

    @property
    def is_empty(self) -> bool:
        """True if nothing was ever recorded."""
        return not (self.migrations or self.types or self.tables or self.routines or self.last)


class RecordKind(StrEnum):
    """Which tracking table a record belongs to (behaviour, §7)."""

    MIGRATION = "migration"
    TYPE = "type"
    TABLE = "table"
    ROUTINE = "routine"


class Record(Struct, frozen=True, kw_only=True):
    """One tracking row as it should stand after the apply.

    Attributes:
        name: migration, type, table or function name in the original's form (unqualified in `public`).
        identity: the object key's label ("add(integer, integer)"), unique per kind.
        checksum: stonegate's; `original_checksum`: by the original's rule.
        detail: type_kind of a type ("enum", …); "" otherwise.
        signature, param_types, return_type: of a routine, as written in its file.
        baselined: a migration that was recorded without being run.
    """

    kind: RecordKind
    name: str
    identity: str
    file: str
    checksum: str
    original_checksum: str
    detail: str = ""
    signature: str = ""
    param_types: tuple[str, ...] = ()
    return_type: str = ""
    baselined: bool = False
