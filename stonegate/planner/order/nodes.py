"""The nodes of the dependency graph, in the order that holds where nothing forces another: kind, path, line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import LIKE_TYPES
from stonegate.model.names import ObjectKind
from stonegate.model.source import (
    ExtensionItem,
    Folder,
    LooseClause,
    Migration,
    NeedKind,
    Seeder,
    SourceItem,
    SourceTree,
    Verb,
)


class ClosingClause(Struct, frozen=True, kw_only=True):
    """A foreign key or the owner of a sequence that closes a circle: cut out of its CREATE and said afterwards."""

    item: SourceItem
    clause: LooseClause


class Node(Struct, frozen=True, kw_only=True):
    """One thing to deploy.

    Attributes:
        value: what it is.
        folder: the kind that it deploys with: a trigger written in tables/ deploys with the triggers.
        file, line: where it is written.
        label: how people speak of it ("table users").
        without: clauses that are cut out of a CREATE (they follow as ClosingClause nodes).
        late: default privileges that do not reach what stands in front of them.
    """

    value: ExtensionItem | SourceItem | ClosingClause | Migration | Seeder
    folder: Folder
    file: str
    line: int
    label: str
    without: tuple[LooseClause, ...] = ()
    late: bool = False

    @property
    def sql(self) -> str:
        """The statement to execute; "" for migrations (several) and extensions (generated)."""
        match self.value:
            case SourceItem() as item:
                return cut_out(item.sql, self.without)
            case ClosingClause() as closing:
                return closing.clause.sql
            case Seeder() as seeder:
                return seeder.sql
            case _:
                return ""


def cut_out(sql: str, clauses: Iterable[LooseClause]) -> str:
    """The CREATE without these clauses; neighbours may share a comma."""
    kept: list[str] = []
    position = 0
    for start, end in sorted(key.span for key in clauses):
        if start > position:
            kept.append(sql[position:start])
        position = max(position, end)
    return "".join((*kept, sql[position:]))


_FOLDER_OF = {
    ObjectKind.SCHEMA: Folder.TYPES,
    ObjectKind.DEFAULT_PRIVILEGES: Folder.TYPES,
    ObjectKind.TYPE: Folder.TYPES,
    ObjectKind.ATTRIBUTE: Folder.TYPES,
    ObjectKind.EXTENSION: Folder.EXTENSIONS,
    ObjectKind.TABLE: Folder.TABLES,
    ObjectKind.SEQUENCE: Folder.TABLES,
    ObjectKind.COLUMN: Folder.TABLES,
    ObjectKind.CONSTRAINT: Folder.TABLES,
    ObjectKind.INDEX: Folder.TABLES,
    ObjectKind.VIEW: Folder.VIEWS,
    ObjectKind.MATERIALIZED_VIEW: Folder.VIEWS,
    ObjectKind.ROUTINE: Folder.FUNCTIONS,
    ObjectKind.TRIGGER: Folder.TRIGGERS,
    ObjectKind.POLICY: Folder.TRIGGERS,
}
_RANK = {folder: number for number, folder in enumerate(Folder)}
#: Default privileges only reach objects that are created after them (manual, ALTER DEFAULT PRIVILEGES): unless they
#: stand behind some of these in their file, they are meant for all of the folder.
_FIRST = {ObjectKind.SCHEMA: 0, ObjectKind.DEFAULT_PRIVILEGES: 1}


def build_nodes(tree: SourceTree, migrations: Iterable[Migration]) -> list[Node]:
    """All nodes sorted by kind, path and line; migrations as they come."""
    nodes = [
        Node(value=item, folder=Folder.EXTENSIONS, file=item.file, line=item.line, label=f"extension {item.name}")
        for item in tree.extensions
    ]
    created = {item.key: _folder(item) for item in tree.items if item.verb is Verb.CREATE}
    for item in tree.items:
        # What is said about an object deploys with it: the comment of a materialised view's index with the views.
        folder = _folder(item) if item.key.kind is ObjectKind.SCHEMA else created.get(item.key, _folder(item))
        nodes.append(Node(value=item, folder=folder, file=item.file, line=item.line, label=_label(item)))
    nodes = _with_late_defaults(nodes)
    nodes += [
        Node(value=item, folder=Folder.SEEDERS, file=item.file, line=item.line, label=f"seed {item.table}")
        for item in tree.seeders
    ]
    nodes.sort(key=_sort_key)
    steps = [
        Node(value=each, folder=Folder.MIGRATIONS, file=each.file, line=1, label=f"migration {each.name}")
        for each in migrations
    ]
    return _insert(nodes, steps)


#: What default privileges reach, by what ALTER DEFAULT PRIVILEGES calls it; serial and identity columns have sequences.
_REACHED = {
    "tables": frozenset({ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW}),
    "sequences": frozenset({ObjectKind.SEQUENCE, ObjectKind.TABLE, ObjectKind.COLUMN}),
    "functions": frozenset({ObjectKind.ROUTINE}),
    "types": frozenset({ObjectKind.TYPE}),
    "schemas": frozenset({ObjectKind.SCHEMA}),
}


def _with_late_defaults(nodes: list[Node]) -> list[Node]:
    """The nodes, default privileges behind what stands in front of them in their own file: as in a script, they do not
    reach that.

    pg_dump writes them at its end, behind objects whose own privileges it has spelled out.
    """
    in_file: dict[str, list[Node]] = {}
    for node in nodes:
        in_file.setdefault(node.file, []).append(node)

    def placed(node: Node) -> Node:
        granting = node.value.granting if isinstance(node.value, SourceItem) else None
        if granting is None or not granting.defaults:
            return node
        reached = {(kind, schema) for _, schema, objects in granting.defaults for kind in _REACHED.get(objects, ())}
        before = (other for other in in_file[node.file] if other.line < node.line)
        folders = [other.folder for other in before if not reached.isdisjoint(_reachable(other))]
        return replace(node, folder=max(folders, key=_RANK.__getitem__), late=True) if folders else node

    return [placed(node) for node in nodes]


def _reachable(node: Node) -> frozenset[tuple[ObjectKind, str]]:
    """Kind and schema of what a statement makes, as default privileges for one schema or for all speak of it."""
    item = node.value
    if not isinstance(item, SourceItem) or item.verb not in (Verb.CREATE, Verb.ALTER):
        return frozenset()
    return frozenset({(item.key.kind, ""), (item.key.kind, item.key.schema)})


def _insert(nodes: list[Node], added: list[Node]) -> list[Node]:
    """The nodes with others behind all tables."""
    place = sum(1 for node in nodes if _RANK[node.folder] < _RANK[Folder.MIGRATIONS])
    return [*nodes[:place], *added, *nodes[place:]]


def _sort_key(node: Node) -> tuple[int, int, str, int]:
    first = 2
    if isinstance(node.value, SourceItem) and node.folder is Folder.TYPES and not node.late:
        first = _FIRST.get(node.value.key.kind, 2)
    return _RANK[node.folder], first, node.file, node.line


def _folder(item: SourceItem) -> Folder:
    """The kind that a statement deploys with, whatever folder it is written in."""
    kind = item.key.kind
    if kind is ObjectKind.OTHER:
        if item.key.name.startswith("rule "):
            return Folder.TRIGGERS
        return Folder.TYPES if item.key.name.startswith(LIKE_TYPES) else item.folder
    if kind is ObjectKind.SCHEMA and any(need.kind is not NeedKind.SCHEMA for need in item.needs):
        return Folder.TRIGGERS  # GRANT … ON ALL TABLES IN SCHEMA: after everything that it is to reach
    if item.target is not None and item.target.kind is ObjectKind.MATERIALIZED_VIEW and kind is ObjectKind.INDEX:
        return Folder.VIEWS
    return _FOLDER_OF.get(kind, item.folder)


def _label(item: SourceItem) -> str:
    """ "table users", "comment column users.name"."""
    return str(item.key) if item.verb is Verb.CREATE else f"{item.verb.value} {item.key}"


def split_off(nodes: list[Node], closing: Mapping[int, tuple[LooseClause, ...]]) -> list[Node]:
    """The nodes with the closing clauses cut out of them, and these as nodes of their own after all tables."""
    added = [
        Node(
            value=ClosingClause(item=item, clause=clause),
            folder=node.folder,
            file=node.file,
            line=node.line,
            label=f"{'owner' if item.key.kind is ObjectKind.SEQUENCE else 'foreign key'} of {item.key}",
        )
        for number, clauses in sorted(closing.items())
        if isinstance(item := (node := nodes[number]).value, SourceItem)
        for clause in clauses
    ]
    split = [replace(node, without=closing.get(number, ())) for number, node in enumerate(nodes)]
    return _insert(split, added)
