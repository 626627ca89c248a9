"""The plan as a value: ordered steps with their changes, classes, hazards and consents; its checksum and JSON form."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from stonegate.errors import UsageError
from stonegate.model.catalog import Catalog
from stonegate.model.consent import Consent, ConsentToken
from stonegate.model.json_form import from_json, to_json
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind
from stonegate.model.source import Seeder
from stonegate.model.tracking import Record

PLAN_VERSION = 1
#: How the ids of steps end that make a part of a new table apart from the rest.
_LATER_PART = re.compile(r": (foreign keys|triggers|policies|parts that call routines)$")
#: In `Plan.uncertain` the mark of a migration that nobody can read (DO blocks, calls): all is decided at apply.
EVERYTHING = "*"


class Action(StrEnum):
    """What a step does to its object."""

    CREATE = "create"
    ALTER = "alter"
    REPLACE = "replace"  # CREATE OR REPLACE
    RECREATE = "recreate"  # DROP and CREATE
    DROP = "drop"
    RUN = "run"  # a migration
    BASELINE = "baseline"  # recorded, not run
    SEED = "seed"
    VALIDATE = "validate"
    SKIP = "skip"


class ChangeClass(StrEnum):
    """How dangerous a change is (behaviour, §5)."""

    SAFE = "safe"
    DATALOSS = "dataloss"
    INCOMPATIBLE = "incompatible"


_ENSURED = frozenset({"owner", "comment", "privileges", "sequence_comment", "sequence_privileges"})


class Hazard(Struct, frozen=True, kw_only=True):
    """Why a step is dangerous: `code` in kebab-case (see `stonegate explain CODE`) and a sentence about this object."""

    code: str
    message: str


class Change(Struct, frozen=True, kw_only=True):
    """One difference between desired and live.

    Attributes:
        action: CREATE, ALTER, REPLACE, RECREATE or DROP.
        key: the object or member.
        table: for an index, the table or materialised view that it belongs to.
        aspect: for ALTER what differs ("type", "default", "not_null", "comment", "owner", …), else "".
        before, after: printable values of that aspect, None for absent; of a new key `before` is the index that it is
            made of, if there is one.
        token: the consent that it needs, or None.
        reason: a sentence for people.
        restored: dropped and created again only because another change stands in its way, or an attribute that a
            recreated object gets back: no difference in itself.
        overwrites: undoes what somebody did by hand, and needed the consent to that.
    """

    action: Action
    key: ObjectKey
    table: ObjectKey | None = None
    aspect: str = ""
    before: str | None = None
    after: str | None = None
    change_class: ChangeClass = ChangeClass.SAFE
    token: ConsentToken | None = None
    hazards: tuple[Hazard, ...] = ()
    reason: str = ""
    hint: str | None = None
    restored: bool = False
    overwrites: bool = False

    @property
    def identity(self) -> str:
        """What makes two changes the same decision: "alter column users.email type"."""
        text = f"{self.action.value} {self.key}"
        return f"{text} {self.aspect}" if self.aspect else text

    @property
    def taken_index(self) -> str | None:
        """The name of the index that a new key is made of (manual: ALTER TABLE, ADD … USING INDEX)."""
        return self.before if self.action is Action.CREATE else None

    @property
    def is_built(self) -> bool:
        """Whether something is made, or made anew, that was not there."""
        return self.action in (Action.CREATE, Action.RECREATE) and self.taken_index is None

    @property
    def is_ensured(self) -> bool:
        """Whether it brings back what every deployment sees to, whoever changed it: an owner, comment or right."""
        return self.aspect in _ENSURED

    @property
    def holder(self) -> ObjectKey:
        """The table, view or type that the object is a part of; the object itself if it is a whole one."""
        return self.table or self.key.owner

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the object and of what it belongs to."""
        keys = (self.key, self.key.owner, self.table or self.key)
        return frozenset(key.label for key in keys)

    @property
    def exception(self) -> str:
        """How a tolerated difference is remembered: it stays tolerated until the folder declares something else."""
        return f"{self.identity} → {self.after}"

    def is_excepted(self, excepted: Collection[str]) -> bool:
        """True if the difference is tolerated, by itself or because it shows a type that was left as it is."""
        return self.exception in excepted or (
            self.action is not Action.DROP
            and self.aspect in SHOWING
            and (
                shows_left_type(self.key) in excepted
                or (self.holder.kind in VIEW_KINDS and shows_left_type(self.holder) in excepted)
            )
        )


#: The aspects that an expression over a column of another type changes; views and routines are compared as a whole.
SHOWING = frozenset({"", "generated", "default"})


def shows_left_type(key: ObjectKey) -> str:
    """How it is remembered that an object depends on a column that keeps another type than is declared."""
    return f"{key} shows a type that was left as it is"


class Phase(StrEnum):
    """Where in an apply a step runs (behaviour, §6). Only PRELUDE and POST_COMMIT stand outside the transaction."""

    PRELUDE = "prelude"
    EXTENSIONS = "extensions"
    TYPES = "types"
    TABLES = "tables"
    MIGRATIONS = "migrations"
    CHANGES = "changes"
    VIEWS = "views"
    ROUTINES = "routines"
    TRIGGERS = "triggers"
    ORPHANS = "orphans"
    SEEDERS = "seeders"
    CLOSING_KEYS = "closing keys"  # foreign keys that existing rows satisfy only with what the seeders insert
    REFRESHES = "refreshes"  # materialised views that were made before the seeders filled what they read
    POST_COMMIT = "post_commit"


class Statement(Struct, frozen=True, kw_only=True):
    """One SQL statement of a step, with the 1-based line of the file that it came from (None: generated)."""

    sql: str
    line: int | None = None


def worst_class(changes: Iterable[Change]) -> ChangeClass:
    """The most dangerous class among the changes."""
    return max((change.change_class for change in changes), key=list(ChangeClass).index, default=ChangeClass.SAFE)


class Step(Struct, frozen=True, kw_only=True):
    """One thing that an apply does, in order.

    Attributes:
        id: unique in its plan and stable between plans of the same change.
        statements: what is executed, one by one; () for BASELINE, VALIDATE, SKIP and SEED.
        changes: the differences that it removes (empty for source items of a fresh build).
        body_line: for a routine, the line in `file` of the first line of its body.
        consents: the consents that it uses (`forced` in the changelog).
        transactional: False for what PostgreSQL forbids in a transaction block.
        seeders: for SEED and VALIDATE the INSERTs of one table.
        old_definition: what a drifted object was before, for the changelog.
    """

    id: str
    action: Action
    phase: Phase
    key: ObjectKey
    file: str | None = None
    line: int | None = None
    statements: tuple[Statement, ...] = ()
    changes: tuple[Change, ...] = ()
    change_class: ChangeClass = ChangeClass.SAFE
    hazards: tuple[Hazard, ...] = ()
    consents: tuple[Consent, ...] = ()
    transactional: bool = True
    reason: str = ""
    body_line: int | None = None
    seeders: tuple[Seeder, ...] = ()
    old_definition: str | None = None

    @property
    def kind(self) -> ObjectKind:
        return self.key.kind

    @property
    def part(self) -> str:
        """What the step makes of a new table that earlier steps made, as its id says: "foreign keys", …; else ""."""
        found = _LATER_PART.search(self.id)
        return found[1] if found else ""

    @property
    def sql(self) -> str:
        """All statements as a script, each ended by a semicolon."""
        return "\n".join(statement.sql + ";" for statement in self.statements)


class Blocked(Struct, frozen=True, kw_only=True):
    """One reason why the plan may not be applied.

    Attributes:
        code: the error code that the apply would fail with ("migration_blocked", "drift", "changed_migration", …).
        object: the object's label.
        allow: what to type to consent ("--allow drop_column:users.legacy"), or None if there is no consent.
    """

    code: str = "migration_blocked"
    object: str
    change_class: ChangeClass = ChangeClass.INCOMPATIBLE
    reason: str
    allow: str | None = None
    hint: str | None = None
    file: str | None = None
    line: int | None = None


class PlanOptions(Struct, frozen=True, kw_only=True):
    """What the user asked for beyond the folder (behaviour, §5 and §8).

    Attributes:
        consents, force, allow_drift: what is allowed.
        baseline: record what is there, run no migration.
        of_many: it is asked of several databases at once, which may be in different states.
        seed_missing: insert declared rows that existing tables lack.
        strict_contract: a change that breaks callers blocks.
    """

    consents: tuple[Consent, ...] = ()
    force: bool = False
    allow_drift: bool = False
    baseline: bool = False
    of_many: bool = False
    seed_missing: bool = False
    strict_contract: bool = False


class Mode(StrEnum):
    """What kind of deployment the plan is."""

    FRESH = "fresh"  # an empty database, or none
    CHANGE = "change"  # a database that stonegate deployed before
    ADOPTION = "adoption"  # stonegate's first deployment to a database with tracking rows of the original
    BASELINE = "baseline"  # records what is there (`apply --baseline`)
    UNCHANGED = "unchanged"  # decided by digest and stamp alone


class PlanSource(Struct, frozen=True, kw_only=True):
    """Which folder the plan was made from."""

    fingerprint: str
    digest: str
    path: str


class PlanTarget(Struct, frozen=True, kw_only=True):
    """Which database the plan was made for: its name and the fingerprint of its live catalog and tracking state."""

    database: str
    fingerprint: str


class Plan(Struct, frozen=True, kw_only=True):
    """An ordered, checksummed list of steps. Nothing in it depends on the clock or on chance.

    Attributes:
        checksum: sha256 (hex) of its `content` and its target; of a database that nobody has made anything in, and that
            may not be there yet, of the name alone.
        skipped: declared objects that are as declared already.
        uncertain: labels of objects whose steps are decided at apply, after the migrations ran (behaviour, §5).
        moved: (before, after) of what its migrations rename or give another schema, in their order.
        search_path: schemas that the database's search_path gets (extensions with a schema of their own).
        seed_missing: declared rows that existing tables lack are inserted.
        excepted: differences that verification tolerates ("identity → after"), since they were left alone at adoption.
        awaited: differences that are there at the commit, and that statements after it have to remove.
        kept: kinds that the folder does not manage, never removed.
        outside: kinds that it declares without having a directory for them.
        builder: the role that owns every object that says nothing about its owner.
        stated: (extension, "version", "schema" or "comment") that the folder states; else its version and schema are
            left alone.
        starred: views and routines whose source has a `*`, which stands for the columns in live order.
        unmanaged: live objects that nobody declared: listed, never dropped unless named.
        desired: the catalog to verify against; None for a fresh build, which is its own measure.
    """

    version: int = PLAN_VERSION
    mode: Mode
    source: PlanSource
    target: PlanTarget | None = None
    checksum: str = ""
    steps: tuple[Step, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[ObjectKey, ...] = ()
    uncertain: tuple[str, ...] = ()
    moved: tuple[tuple[ObjectKey, ObjectKey], ...] = ()
    consents: tuple[Consent, ...] = ()
    force: bool = False
    allow_drift: bool = False
    seed_missing: bool = False
    records: tuple[Record, ...] = ()
    search_path: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()
    kept: tuple[ObjectKind, ...] = ()
    outside: tuple[ObjectKind, ...] = ()
    builder: str = ""
    unmanaged: tuple[str, ...] = ()
    stated: tuple[tuple[str, str], ...] = ()
    starred: tuple[ObjectKey, ...] = ()
    desired: Catalog | None = None

    def __repr__(self) -> str:
        return f"Plan({self.checksum!r}, {self.mode.value}, {len(self.steps)} steps, {len(self.blocked)} blocked)"

    @property
    def has_changes(self) -> bool:
        """True if an apply would change the database (validating and skipping change nothing)."""
        return any(step.action not in (Action.VALIDATE, Action.SKIP) for step in self.steps)

    def content(self) -> str:
        """sha256 (hex) of everything that databases have in common which need the same: all but target and path.

        Nor is it of the warnings, since there are some which only a plan has that is looked at, and not carried out.
        """
        bare = replace(self, checksum="", target=None, source=replace(self.source, path=""), warnings=())
        return sha256(to_json(bare)).hexdigest()

    def sealed(self, content: str | None = None) -> Plan:
        """The same plan with its checksum computed.

        Args:
            content: its `content()`, where that is known already.
        """
        target = self.target
        if self.mode is Mode.FRESH and target is not None:
            target = replace(target, fingerprint="")
        document = (content or self.content()).encode() + to_json(target)
        return replace(self, checksum=sha256(document).hexdigest())

    @classmethod
    def load(cls, data: bytes, name: str = "the file") -> Plan:
        """A plan saved by `stonegate plan --out`; `name` is what messages call it.

        Raises:
            UsageError: not a plan, of another version, or edited since (checksum differs).
        """
        try:
            plan = from_json(data, _Saved).plan
        except ValueError as error:
            raise UsageError(
                f"{name} is not a saved plan", cause=str(error), hint="stonegate plan --out FILE"
            ) from None
        if plan.version != PLAN_VERSION:
            raise UsageError(
                f"the plan has version {plan.version}, this stonegate reads {PLAN_VERSION}", hint="stonegate plan again"
            )
        if plan.sealed().checksum != plan.checksum:
            raise UsageError(
                "the plan was changed after it was saved: its checksum does not match",
                hint="stonegate plan --out FILE again; what shall differ, say in the folder or with --allow",
            )
        return plan


class _Saved(Struct, frozen=True, kw_only=True):
    """The part of a plan document that an apply reads; the rest of the document is for people and other programs."""

    plan: Plan
