"""Constraints and indexes of tables; those of constraints are part of these."""

from __future__ import annotations

import re
from typing import Final

from stonegate.database.introspect import rows
from stonegate.database.introspect.lookup import Lookup, grouped, known, printed
from stonegate.model.catalog import Constraint, Index

_KINDS: Final = {"p": "primary key", "u": "unique", "x": "exclusion", "c": "check", "f": "foreign key"}
_TIMING: Final = re.compile(r"(?: DEFERRABLE)?(?: INITIALLY DEFERRED)?\Z")


class Keys:
    """Makes the constraints and indexes of relations."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        usual = lookup.rows.settings[0].tablespace
        # Where the database's own setting puts an index is no part of its definition.
        self._spaces = {one.oid: one.quoted for one in lookup.rows.tablespaces if one.name != usual}
        self._constraints = grouped(lookup.rows.constraints, lambda one: one.relation)
        self._indexes = grouped(lookup.rows.indexes, lambda one: one.relation)
        self._index_of = {one.oid: one for one in lookup.rows.indexes}

    def constraints(self, relation: int) -> tuple[Constraint, ...]:
        """Those of a table by name; NOT NULL is the column's."""
        return tuple(
            self._constraint(one)
            for one in self._constraints.get(relation, ())
            if one.kind in _KINDS and not self._lookup.is_copy(one)
        )

    def indexes(self, relation: int) -> tuple[Index, ...]:
        """Those of a table or materialised view by name that no constraint owns."""
        found = (
            self._index(one) for one in self._indexes.get(relation, ()) if one.oid not in self._lookup.index_owners
        )
        return tuple(sorted(found, key=lambda one: one.name))

    def _constraint(self, one: rows.Constraint) -> Constraint:
        index = self._index_of.get(one.its_index) if one.kind != "f" else None
        return Constraint(
            name=one.name,
            kind=_KINDS[one.kind],
            definition=printed(self._definition(one, index)),
            columns=self._lookup.names(one.relation, one.columns),
            references=self._lookup.name(one.referenced) if one.kind == "f" else None,
            index=self._lookup.relation(index.oid).name if index is not None else None,
            inherited=one.has_parents and not one.is_local,
            shared=index is not None and index.oid in self._lookup.parents and one.parent == 0,
            clustered=index is not None and index.clustered,
            replica_identity=index is not None and index.replica_identity,
            comment=self._lookup.comment(rows.PG_CONSTRAINT, one.oid),
        )

    def _definition(self, one: rows.Constraint, index: rows.Index | None) -> str | None:
        """With what pg_get_constraintdef leaves out since it is the index's; it stands before WHERE and DEFERRABLE.

        A part of a partitioned table's constraint reads as that does; remarks.sql says what its index has for itself.
        """
        if index is None or one.definition is None:
            return one.definition
        holder = self._lookup.relation(self._lookup.parents.get(index.oid, [index.oid])[0])
        options = holder.options if one.kind != "x" else None  # of an exclusion constraint they are printed
        space = self._spaces.get(holder.tablespace)
        if options is None and space is None:
            return one.definition
        end = _TIMING.search(one.definition)
        place = end.start() if end is not None else len(one.definition)
        main, rest = one.definition[:place], one.definition[place:]
        condition = f" WHERE ({index.predicate})" if index.predicate is not None else ""
        storage = f" WITH ({', '.join(options)})" if options is not None else ""
        storage += f" USING INDEX TABLESPACE {space}" if space is not None else ""
        return main.removesuffix(condition) + storage + condition + rest

    def _index(self, one: rows.Index) -> Index:
        relation = self._lookup.relation(one.oid)
        definition = self._index_definition(one, relation)
        prefix = "CREATE UNIQUE INDEX " if one.is_unique else "CREATE INDEX "
        # "CREATE INDEX name ON …" without the name and one of the spaces around it.
        shape = prefix + definition[len(prefix) + len(relation.quoted or "") + 1 :]
        return Index(
            name=relation.name,
            definition=printed(definition),
            shape=printed(shape),
            unique=one.is_unique,
            columns=self._lookup.names(one.relation, self._numbers(one)),
            valid=one.valid,
            inherited=one.oid in self._lookup.parents,
            clustered=one.clustered,
            replica_identity=one.replica_identity,
            statistics=self._statistics(one),
            comment=self._lookup.comment(rows.PG_CLASS, one.oid),
        )

    def _index_definition(self, one: rows.Index, relation: rows.Relation) -> str:
        text = known(one.definition)
        # A valid index of a partitioned table covers its partitions, and does so again when written without ONLY.
        if relation.kind == "I" and one.valid:
            text = text.replace(" ON ONLY ", " ON ", 1)
        if (space := self._spaces.get(relation.tablespace)) is None:
            return text
        # TABLESPACE, which pg_get_indexdef leaves out, stands before WHERE.
        condition = f" WHERE {one.predicate}" if one.predicate is not None else ""
        return f"{text.removesuffix(condition)} TABLESPACE {space}{condition}"

    def _numbers(self, one: rows.Index) -> list[int]:
        """The table's columns in the index, those of expressions and of the predicate behind the others."""
        if not one.computed:
            return one.columns
        mentioned = self._lookup.mentioned.get((rows.PG_CLASS, one.oid, one.relation), set())
        first = [number for number in dict.fromkeys(one.columns) if number in mentioned]
        return first + sorted(mentioned.difference(first))

    def _statistics(self, one: rows.Index) -> tuple[tuple[int, int], ...]:
        if not one.computed:
            return ()
        columns = self._lookup.columns.get(one.oid, ())
        return tuple((column.number, column.statistics) for column in columns if column.statistics is not None)
