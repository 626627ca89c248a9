"""The first pass over a folder: which relations, columns and types it declares, so that names can be understood."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from stonegate.model.names import ObjectKind
from stonegate.model.source import ExtensionItem, Folder
from stonegate.source.syntax.grammar import Node, Statement
from stonegate.source.syntax.object_keys import Declarations
from stonegate.source.syntax.type_names import TypeNames, qualified

_TYPE_NAMES = {"CreateEnumStmt": "typeName", "CreateRangeStmt": "typeName", "CreateDomainStmt": "domainname"}


class DeclaredNames:
    """Collects declared names; what migrations create is history and does not count."""

    def __init__(self) -> None:
        self._relations: dict[tuple[str, str], ObjectKind] = {}
        self._types: defaultdict[str, set[str]] = defaultdict(set)
        self._column_types: dict[tuple[str, str, str], Node] = {}
        self._columns: dict[tuple[str, str], tuple[str, ...]] = {}

    def note(self, statements: Iterable[Statement]) -> None:
        """Note what the statements of one file declare."""
        for statement in statements:
            if statement.file.folder is not Folder.MIGRATIONS:
                self._note(statement.kind, statement.node)

    @property
    def columns_of(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """(schema, table) → its columns in declared order."""
        return self._columns

    def declarations(self, extensions: Iterable[ExtensionItem]) -> Declarations:
        """What was noted, in the form that builders use."""
        types = TypeNames(
            {name: frozenset(schemas) for name, schemas in self._types.items()},
            {extension.name: extension.schema for extension in extensions if extension.schema},
            self._column_types,
        )
        return Declarations(types, self._relations)

    def _note(self, kind: str, node: Node) -> None:
        if kind in _TYPE_NAMES:
            schema, name = qualified(node[_TYPE_NAMES[kind]])
            self._types[name].add(schema or "public")
        elif kind == "DefineStmt" and node["kind"] == "OBJECT_TYPE":
            schema, name = qualified(node["defnames"])
            self._types[name].add(schema or "public")
        elif kind == "CreateStmt":
            self._note_relation(node["relation"], ObjectKind.TABLE)
            self._note_columns(node)
        elif kind == "ViewStmt":
            self._note_relation(node["view"], ObjectKind.VIEW)
        elif kind == "CreateTableAsStmt":
            self._note_relation(node["into"]["rel"], ObjectKind.MATERIALIZED_VIEW)
        elif kind == "CompositeTypeStmt":
            self._types[node["typevar"]["relname"]].add(node["typevar"].get("schemaname", "public"))
        elif kind == "CreateSeqStmt":
            relation = node["sequence"]
            self._relations[relation.get("schemaname", "public"), relation["relname"]] = ObjectKind.SEQUENCE
        elif kind == "IndexStmt" and "idxname" in node:
            schema = node["relation"].get("schemaname", "public")
            self._relations[schema, node["idxname"]] = ObjectKind.INDEX

    def _note_relation(self, relation: Node, kind: ObjectKind) -> None:
        schema, name = relation.get("schemaname", "public"), relation["relname"]
        self._relations[schema, name] = kind
        self._types[name].add(schema)

    def _note_columns(self, node: Node) -> None:
        schema, table = node["relation"].get("schemaname", "public"), node["relation"]["relname"]
        names = []
        for element in node.get("tableElts", ()):
            if column := element.get("ColumnDef"):
                names.append(column["colname"])
                if "typeName" in column:
                    self._column_types[schema, table, column["colname"]] = column["typeName"]
        self._columns[schema, table] = tuple(names)
