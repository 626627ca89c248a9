"""The common part of every declared item: one statement becomes one `SourceItem` with key, needs and checksum."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field
from msgspec.structs import replace

from stonegate.model.names import CODE_KINDS, ObjectKey
from stonegate.model.source import Reference, SourceItem, Verb
from stonegate.source.checksum import checksum
from stonegate.source.statements.original import original_checksum
from stonegate.source.syntax.created_keys import created_key
from stonegate.source.syntax.grammar import Statement
from stonegate.source.syntax.object_keys import Declarations
from stonegate.source.syntax.references import Needs


class Draft(Struct):
    """An item being put together: what a builder finds out about its statement."""

    statement: Statement
    declarations: Declarations
    needs: Needs = field(default_factory=Needs)
    creates: list[ObjectKey] = field(default_factory=list)
    lines: list[tuple[ObjectKey, int]] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    def member(self, key: ObjectKey, position: int) -> None:
        """Note a column or constraint that comes with the object."""
        self.creates.append(key)
        self.lines.append((key, self.statement.line_at(position)))

    @property
    def key(self) -> ObjectKey:
        """What a CREATE statement makes."""
        return created_key(self.statement.kind, self.statement.node, self.declarations)

    def created(self, key: ObjectKey | None = None, *, target: ObjectKey | None = None) -> SourceItem:
        """The item of a CREATE statement; `key` where that is not the one that all such statements have."""
        key = key or self.key
        self.needs.schema(key.schema or None)
        if key.kind in CODE_KINDS:
            self.needs.functions_of_rows()
        return self._item(Verb.CREATE, key, target, (key, *self.creates) if key.name else self.creates)

    def changed(self, verb: Verb, key: ObjectKey, *, target: ObjectKey | None = None) -> SourceItem:
        """The item of a statement that says more about an object: ALTER, COMMENT, GRANT, REVOKE."""
        return self._item(verb, key, target, self.creates)

    def _item(self, verb: Verb, key: ObjectKey, target: ObjectKey | None, creates: Iterable[ObjectKey]) -> SourceItem:
        sql = self.statement.sql
        return SourceItem(
            verb=verb,
            key=key,
            target=target,
            creates=tuple(creates),
            lines=tuple(self.lines),
            needs=self.needs.sorted(),
            folder=self.statement.file.folder,
            file=self.statement.file.path,
            line=self.statement.line,
            sql=sql,
            checksum=checksum(sql),
            references=tuple(self.references),
            starred=self.needs.starred,
        )


def with_original(item: SourceItem, statement: Statement) -> SourceItem:
    """The item of a type or table with the checksum that the original records for it."""
    return replace(item, original_checksum=original_checksum(statement.complete.decode()))
