"""Source files become a `SourceTree`: every statement parsed, placed, identified and given a checksum."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, field

from stonegate.errors import SourceError, SourceErrors
from stonegate.model.source import ExtensionItem, Folder, Migration, Seeder, SourceFile, SourceItem, SourceTree
from stonegate.source.checksum import fingerprint
from stonegate.source.completion import complete_items
from stonegate.source.declared_names import DeclaredNames
from stonegate.source.duplicates import find_duplicates
from stonegate.source.files.archive import Caps
from stonegate.source.files.tree import SourceBytes, read_tree
from stonegate.source.migrations.migration import build_migration
from stonegate.source.placement import BUILDERS, is_dump_preamble, leaves_bodies_alone, misplaced
from stonegate.source.statements import extensions
from stonegate.source.statements.relations import in_transaction
from stonegate.source.statements.seeders import build_seeder, moves_sequences
from stonegate.source.syntax.grammar import Statement, parse_file
from stonegate.source.syntax.object_keys import Declarations


def load_source(path: Path, scope: str | None = None, *, caps: Caps | None = None) -> SourceTree:
    """Read and parse a folder or archive (behaviour, §1).

    Raises:
        SourceError: the folder or archive cannot be read, or something in it is wrong; all broken places at once as
            `SourceErrors`.
    """
    return parse_tree(str(path), read_tree(path, scope=scope, caps=caps))


class _Found(Struct):
    """What has been found so far."""

    items: list[SourceItem] = field(default_factory=list)
    extensions: list[ExtensionItem] = field(default_factory=list)
    migrations: list[Migration] = field(default_factory=list)
    seeders: list[Seeder] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)
    settings: dict[str, list[int]] = field(default_factory=dict)
    unchecked: set[str] = field(default_factory=set)

    def leave_out(self, setting: Statement) -> None:
        """Note a session setting, of which a dump has a dozen at its head."""
        self.settings.setdefault(setting.file.path, []).append(setting.line)
        if leaves_bodies_alone(setting):
            self.unchecked.add(setting.file.path)

    def all_warnings(self) -> tuple[str, ...]:
        """The warnings, those about session settings as one for each file."""
        counts = ((f"{file}:{lines[0]}", len(lines)) for file, lines in self.settings.items())
        left_out = (f"{at}: {number} session setting{'s' * (number > 1)}; left out" for at, number in counts)
        return (*self.warnings, *left_out)

    @contextmanager
    def noting_errors(self) -> Iterator[None]:
        """Keep a failure for the end, so that all broken places are reported at once."""
        try:
            yield
        except SourceErrors as several:
            self.errors.extend(several.errors)
        except SourceError as error:
            self.errors.append(error)


def parse_tree(path: str, read: SourceBytes) -> SourceTree:
    """Parse all files of a folder.

    Args:
        path: what the user called it.

    Raises:
        SourceError: what is wrong; several broken places as one `SourceErrors`, in path order.
    """
    steps = parse_gradually(path, read)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            tree: SourceTree = end.value
            return tree


def parse_gradually(path: str, read: SourceBytes) -> Generator[None, None, SourceTree]:
    """`parse_tree`, pausing after every file in each of its two passes.

    The first pass parses every statement and notes which relations and types the folder declares, the second builds
    items, since the identity of a routine depends on the schema of the types that it takes.
    """
    found = _Found(warnings=list(read.warnings), errors=list(read.errors))
    parsed: list[tuple[SourceFile, tuple[Statement, ...]]] = []
    for file in sorted(read.files, key=lambda file: file.path):
        with found.noting_errors():
            parsed.append((file, () if extensions.is_note(file) else parse_file(file)))
        yield
    names = DeclaredNames()
    for file, statements in parsed:
        names.note(statements)
        found.extensions.extend(_extensions(file, statements))
    declarations = names.declarations(found.extensions)
    for file, statements in parsed:
        _build(file, statements, declarations, names, found)
        yield
    found.items = complete_items(found.items, found.warnings)
    found.errors.extend(find_duplicates(found.items, found.extensions))
    if found.errors:
        found.errors.sort(key=lambda error: (error.file or "", error.line or 0))
        raise found.errors[0] if len(found.errors) == 1 else SourceErrors(tuple(found.errors))
    return SourceTree(
        path=path,
        folders=read.folders,
        extensions=tuple(found.extensions),
        items=tuple(found.items),
        migrations=tuple(found.migrations),
        seeders=tuple(found.seeders),
        warnings=found.all_warnings(),
        digest=read.digest,
        fingerprint=fingerprint(found.extensions, found.items, found.migrations, found.seeders),
        unchecked=frozenset(found.unchecked),
        files=read.files,
    )


def _extensions(file: SourceFile, statements: tuple[Statement, ...]) -> Iterator[ExtensionItem]:
    declared = [statement for statement in statements if statement.kind == "CreateExtensionStmt"]
    if file.folder is Folder.EXTENSIONS and not declared:
        yield extensions.by_file_name(file)
    elif file.folder is not Folder.MIGRATIONS:
        yield from map(extensions.by_statement, declared)


def _build(
    file: SourceFile,
    statements: tuple[Statement, ...],
    declarations: Declarations,
    names: DeclaredNames,
    found: _Found,
) -> None:
    if file.folder is Folder.MIGRATIONS:
        with found.noting_errors():
            migration, warnings = build_migration(file, statements, declarations)
            found.migrations.append(migration)
            found.warnings.extend(warnings)
        return
    if not statements and file.folder is not Folder.EXTENSIONS:
        found.warnings.append(f"{file.path}: holds no statement")
    for statement in statements:
        with found.noting_errors():
            match file.folder:
                case Folder.SEEDERS:
                    _build_seeder(statement, names, found)
                case Folder.EXTENSIONS:
                    if statement.kind == "CommentStmt" and statement.node["objtype"] == "OBJECT_EXTENSION":
                        found.items.append(BUILDERS["CommentStmt"](statement, declarations))
                    elif statement.kind != "CreateExtensionStmt":
                        raise misplaced(statement)
                case _:
                    _build_item(statement, declarations, found)


def _build_item(statement: Statement, declarations: Declarations, found: _Found) -> None:
    builder = BUILDERS.get(statement.kind)
    place = f"{statement.file.path}:{statement.line}"
    for name in _taken_from_session(statement):
        found.warnings.append(
            f"{place}: SET {name} FROM CURRENT takes what the session that deploys has, which no folder says: "
            "write the value"
        )
    if statement.kind == "IndexStmt" and statement.node.get("concurrent"):
        statement = in_transaction(statement)
        found.warnings.append(
            f"{place}: CONCURRENTLY is left out, since the deployment is one transaction; "
            "to build the index without locking, write the statement into migrations/ as well"
        )
    if builder is not None:
        found.items.append(builder(statement, declarations))
    elif is_dump_preamble(statement):
        found.leave_out(statement)
    elif statement.kind != "CreateExtensionStmt":
        raise misplaced(statement)


def _taken_from_session(statement: Statement) -> Iterator[str]:
    """The settings of a routine that CREATE FUNCTION … SET … FROM CURRENT gives it."""
    for option in statement.node.get("options", ()) if statement.kind == "CreateFunctionStmt" else ():
        setting = option["DefElem"].get("arg", {}).get("VariableSetStmt", {})
        if setting.get("kind") == "VAR_SET_CURRENT":
            yield setting["name"]


def _build_seeder(statement: Statement, names: DeclaredNames, found: _Found) -> None:
    if statement.kind == "InsertStmt":
        found.seeders.append(build_seeder(statement, names.columns_of))
    elif moves_sequences(statement):
        place = f"{statement.file.path}:{statement.line}"
        found.warnings.append(f"{place}: setval is left out, since sequences are moved past seeded keys anyway")
    elif is_dump_preamble(statement):
        found.leave_out(statement)
    else:
        raise misplaced(statement)
