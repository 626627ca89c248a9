"""What a `postgresql/` folder says: its files and the statements parsed from them (behaviour, §1–§4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName


class Folder(StrEnum):
    """The eight kinds of folder, in deployment order."""

    EXTENSIONS = "extensions"
    TYPES = "types"
    TABLES = "tables"
    MIGRATIONS = "migrations"
    VIEWS = "views"
    FUNCTIONS = "functions"
    TRIGGERS = "triggers"
    SEEDERS = "seeders"


#: What is there before migrations run, views and code; these cannot rely on what a migration makes (behaviour, §4).
EARLY_FOLDERS = frozenset({Folder.EXTENSIONS, Folder.TYPES, Folder.TABLES})


class SourceFile(Struct, frozen=True, kw_only=True):
    """One file: `path` is relative to the folder with `/` ("tables/users.pssql"), `text` has no byte order mark."""

    path: str
    folder: Folder
    text: str
    digest: str  # sha256 of the raw bytes, hex


class NeedKind(StrEnum):
    """In which namespace a name is looked up."""

    SCHEMA = "schema"
    EXTENSION = "extension"
    RELATION = "relation"  # tables, views, materialised views, sequences, indexes
    TYPE = "type"  # types, and the row types of relations
    ROUTINE = "routine"
    OTHER = "other"  # what the model has only a label for, which is the name: text search objects, collations


class Need(Struct, frozen=True, kw_only=True, order=True):
    """A name that a statement mentions.

    Attributes:
        kind: the namespace of the name.
        schema: as written, or None when unqualified (then any declared schema on the search path, `public` first).
        name: the name.
        column: a column of that relation, when the statement resolves one (foreign keys, indexes, ALTER, comments).
        deferrable: it stands in a `LooseClause`, which may follow after both objects exist.
        soft: a mention inside the body of a late-bound routine (plpgsql): orders nothing by itself in a cycle.
    """

    kind: NeedKind
    schema: str | None
    name: str
    column: str | None = None
    deferrable: bool = False
    soft: bool = False

    @property
    def qualified(self) -> QualifiedName:
        """The name in its schema, `public` where none is written."""
        return QualifiedName(self.schema or "public", self.name)


class Verb(StrEnum):
    """What a statement of declared state does to the object in `SourceItem.key`."""

    CREATE = "create"
    ALTER = "alter"  # ALTER …, ENABLE ROW LEVEL SECURITY, OWNER TO, ADD CONSTRAINT
    COMMENT = "comment"
    GRANT = "grant"
    REVOKE = "revoke"


class OriginalRoutine(Struct, frozen=True, kw_only=True):
    """The facts that the original records for a function, in its own spelling (behaviour, §7)."""

    signature: str
    param_types: tuple[str, ...]
    return_type: str
    body_checksum: str


class LooseClause(Struct, frozen=True, kw_only=True):
    """A clause of a CREATE that a statement of its own can say later: a table's foreign key, a sequence's owner.

    Attributes:
        references: the table that it points to.
        span: half-open character range of the clause in `SourceItem.sql` (with one adjoining comma for a table
            constraint), to be cut out when it is said later.
        sql: the `ALTER TABLE … ADD …` or `ALTER SEQUENCE … OWNED BY …` that says it, without semicolon.
    """

    references: Need
    span: tuple[int, int]
    sql: str


class Reference(Struct, frozen=True, kw_only=True):
    """A foreign key that a statement adds to its table: the columns that refer, and the table that they refer to."""

    columns: tuple[str, ...]
    table: Need


class Granting(Struct, frozen=True, kw_only=True):
    """What a GRANT gives or a REVOKE takes away.

    Attributes:
        keys: the objects; or, with `all_of`, the schemas in which it concerns every object of that kind.
        defaults: of ALTER DEFAULT PRIVILEGES, the entries as (role, schema, objects): "" is the deploying role and
            every schema, `objects` "tables", "functions", …
        roles: whose rights; "" is PUBLIC.
        deploying: those of the deploying role as well (CURRENT_USER, CURRENT_ROLE, SESSION_USER).
        rights: privileges in capitals ("" is ALL), each with the columns that it is about, () for the object as a
            whole; () is ALL on that.
        options_only: REVOKE GRANT OPTION FOR.
    """

    keys: tuple[ObjectKey, ...] = ()
    all_of: ObjectKind | None = None
    defaults: tuple[tuple[str, str, str], ...] = ()
    roles: tuple[str, ...]
    deploying: bool = False
    rights: tuple[tuple[str, tuple[str, ...]], ...] = ()
    options_only: bool = False


class SourceItem(Struct, frozen=True, kw_only=True):
    """One statement of declared state.

    Attributes:
        verb, key: what the statement does to which object. For CREATE INDEX without a name, `key.name` is "".
        target: for what is attached to a relation or type (indexes, triggers, policies, comments, grants, alterations):
            the key of that relation, type or routine; else None.
        creates: every object that the statement brings into being and whose name is known from the text (the
            object itself; for a table also its columns and its named constraints).
        lines: the 1-based line of each created member (column, constraint), for messages.
        needs: the names that must exist before (and, `soft`, those that a late-bound body mentions).
        file, line: where the statement starts; 1-based.
        sql: the statement without the terminating semicolon, from its first token on.
        checksum: sha256 (hex) of the canonical token form, see source/checksum.py.
        body_line: for a routine with a string body, the line of the file at which line 1 of the body stands.
        original: for functions and procedures, what the original's tracking row needs.
        original_checksum: for types and tables, the checksum by the original's rule (behaviour, §7).
        unique_key: adds a unique key to `target` by itself (CREATE UNIQUE INDEX, ADD PRIMARY KEY), which a foreign
            key to that table may need.
        loose_clauses: what can be split off where it closes a cycle.
        references: every foreign key that a CREATE TABLE or ALTER TABLE adds, those to the table itself included.
        granting: of a GRANT or REVOKE.
        starred: mentions `*`, which PostgreSQL writes out when it stores the query.
    """

    verb: Verb
    key: ObjectKey
    target: ObjectKey | None = None
    creates: tuple[ObjectKey, ...] = ()
    lines: tuple[tuple[ObjectKey, int], ...] = ()
    needs: tuple[Need, ...] = ()
    folder: Folder
    file: str
    line: int
    sql: str
    checksum: str
    body_line: int | None = None
    original: OriginalRoutine | None = None
    original_checksum: str = ""
    unique_key: bool = False
    loose_clauses: tuple[LooseClause, ...] = ()
    references: tuple[Reference, ...] = ()
    granting: Granting | None = None
    starred: bool = False


class ExtensionItem(Struct, frozen=True, kw_only=True):
    """A declared extension: by file name and comments, or by `CREATE EXTENSION`."""

    name: str  # after aliases (pgvector → vector)
    version: str | None = None
    schema: str | None = None
    file: str
    line: int
    checksum: str


class EffectVerb(StrEnum):
    """What one statement of a migration does to the schema (or, for consent, to rows)."""

    CREATE = "create"
    DROP = "drop"
    RENAME = "rename"  # object or member; `to` is the new name
    SET_SCHEMA = "set_schema"  # `to` is the new schema
    ADD_COLUMN = "add_column"
    DROP_COLUMN = "drop_column"
    SET_TYPE = "set_type"
    SET_NOT_NULL = "set_not_null"
    DROP_NOT_NULL = "drop_not_null"
    SET_DEFAULT = "set_default"
    DROP_DEFAULT = "drop_default"  # or the expression, or the identity
    ADD_CONSTRAINT = "add_constraint"
    DROP_CONSTRAINT = "drop_constraint"
    ADD_VALUE = "add_value"  # enum label in `to`
    RENAME_VALUE = "rename_value"
    ATTACH = "attach"  # of a partition, or of a child to its parent
    DETACH = "detach"
    ALTER_OTHER = "alter_other"  # any other ALTER of `key`: decided at apply
    WRITE_ROWS = "write_rows"  # INSERT, UPDATE, DELETE … WHERE, COPY, MERGE
    DELETE_ROWS = "delete_rows"  # TRUNCATE, DELETE of all rows
    OPAQUE = "opaque"  # DO, CALL, SELECT f(): decided at apply
    NONE = "none"  # SET, ANALYZE, LOCK …


#: What touches rows alone.
ROW_VERBS = frozenset({EffectVerb.WRITE_ROWS, EffectVerb.DELETE_ROWS})


class Effect(Struct, frozen=True, kw_only=True):
    """One effect of a migration's statement.

    Attributes:
        verb, key: what happens to which object (unqualified names are taken as `public`).
        to: new name, new schema or new enum label.
        old: the former label (RENAME_VALUE); the index of which a key is made (ADD_CONSTRAINT).
        type: column type in `format_type` spelling as far as the text tells (ADD_COLUMN, SET_TYPE);
            what kind of constraint it is (ADD_CONSTRAINT).
        not_null, has_default: of an added column; a primary key column is not_null.
        columns: for a created table, its ADD_COLUMN effects; for a constraint or an index, the names of its columns.
        parent: of the child that is attached or detached (INHERIT, NO INHERIT); None for a partition.
        cascade: DROP or TRUNCATE … CASCADE.
        forgets: the USING of a SET_TYPE reads no column.
        if_exists: IF EXISTS / IF NOT EXISTS / OR REPLACE: absence or presence is no error.
    """

    verb: EffectVerb
    key: ObjectKey
    to: str | None = None
    old: str | None = None
    type: str | None = None
    not_null: bool = False
    has_default: bool = False
    columns: tuple[Effect, ...] = ()
    parent: ObjectKey | None = None
    cascade: bool = False
    forgets: bool = False
    if_exists: bool = False

    @property
    def moved(self) -> ObjectKey | None:
        """The key after a RENAME or SET_SCHEMA."""
        if self.verb is EffectVerb.SET_SCHEMA and self.to is not None:
            return replace(self.key, schema=self.to)
        if self.verb is EffectVerb.RENAME and self.to is not None:
            return replace(self.key, name=self.to) if self.key.member is None else replace(self.key, member=self.to)
        return None


class MigrationStatement(Struct, frozen=True, kw_only=True):
    """One statement of a migration with its effects and the names that it needs; `line` is 1-based in the file."""

    sql: str
    line: int
    effects: tuple[Effect, ...]
    needs: tuple[Need, ...]
    transactional: bool = True  # False: PostgreSQL forbids it in a transaction block (CREATE INDEX CONCURRENTLY, …)

    @property
    def first_word(self) -> str:
        """The key word that it begins with, in lower case."""
        return self.sql.split(maxsplit=1)[0].lower()


class Migration(Struct, frozen=True, kw_only=True):
    """One file below migrations/.

    Attributes:
        name: the path below `migrations/` ("2024/003_split.pssql"); what the tracking row holds.
        checksum: sha256 of the bytes without `-- stonegate:` lines, hex.
        raw_checksum: sha256 of the bytes, for the original.
        respelled_checksum: what `checksum` would be with the other kind of line ends (CRLF, LF), for a hint.
        run_on_fresh, no_transaction: directives.
        allows: `allow <kind> <object>` directives as consent tokens ("drop_column:users.legacy", or "drop_column").
    """

    name: str
    file: str
    checksum: str
    raw_checksum: str
    respelled_checksum: str = ""
    statements: tuple[MigrationStatement, ...]
    run_on_fresh: bool = False
    no_transaction: bool = False
    allows: tuple[str, ...] = ()

    @property
    def effects(self) -> Iterator[Effect]:
        """What its statements do, in order."""
        return (effect for statement in self.statements for effect in statement.effects)


def every_effect(migrations: Iterable[Migration]) -> Iterator[tuple[Migration, MigrationStatement, Effect]]:
    """What they do, in order, each effect with the migration and the statement that has it."""
    for migration in migrations:
        for statement in migration.statements:
            yield from ((migration, statement, effect) for effect in statement.effects)


class SeedRow(Struct, frozen=True, kw_only=True):
    """One row of VALUES: SQL expressions, one per column, and the 1-based line where it starts."""

    values: tuple[str, ...]
    line: int


class Seeder(Struct, frozen=True, kw_only=True):
    """One INSERT of a seeder file.

    Attributes:
        table: the target, `public` when unqualified.
        columns: as written, or () when the statement has no column list (declared order).
        rows: the VALUES rows; () for INSERT … SELECT.
        volatile: columns whose value cannot be looked up again in some row (now(), gen_random_uuid(), DEFAULT, …).
        needs: the names that the statement mentions.
        sql: the statement as written, without the semicolon; `checksum` of its canonical token form.
    """

    table: QualifiedName
    columns: tuple[str, ...]
    rows: tuple[SeedRow, ...]
    volatile: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    file: str
    line: int
    sql: str
    checksum: str


class SourceTree(Struct, frozen=True, kw_only=True):
    """A whole folder or archive, read and parsed.

    Attributes:
        path: what the user called it, for messages and the plan's `source.path`.
        folders: the kinds whose directory is present (an empty one declares "none"; an absent one is not managed).
        items: declared state in path order; planner.order puts it into deployment order.
        warnings: what was noticed and tolerated, each naming its file.
        digest: sha256 over the raw bytes of all files and their paths, hex; decides "unchanged" without parsing.
        fingerprint: sha256 over (kind, path, checksum) of everything parsed, hex.
        unchecked: paths of the files that tell the server not to look into routine bodies.
    """

    path: str
    folders: frozenset[Folder]
    extensions: tuple[ExtensionItem, ...] = ()
    items: tuple[SourceItem, ...] = ()
    migrations: tuple[Migration, ...] = ()
    seeders: tuple[Seeder, ...] = ()
    warnings: tuple[str, ...] = ()
    digest: str
    fingerprint: str
    unchecked: frozenset[str] = frozenset()
    files: tuple[SourceFile, ...] = ()

    def __repr__(self) -> str:
        return f"SourceTree({self.path!r}, {len(self.items)} items, digest={self.digest!r})"


class Beginning(Struct, frozen=True, kw_only=True):
    """What is known of a folder before its code is: what a fresh deployment begins with.

    Attributes:
        tree: extensions, types and tables alone.
        later: names that the other files make; what needs one of them may not come first.
    """

    tree: SourceTree
    later: frozenset[str]
