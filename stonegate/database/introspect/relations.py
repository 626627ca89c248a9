"""Tables, views and sequences with all their parts (manual: CREATE TABLE, CREATE VIEW, CREATE SEQUENCE)."""

from __future__ import annotations

from typing import Final

from stonegate.database.introspect import rows
from stonegate.database.introspect.attached import Attached
from stonegate.database.introspect.columns import Columns, sequence_options
from stonegate.database.introspect.keys import Keys
from stonegate.database.introspect.lookup import Lookup, known, printed
from stonegate.model.catalog import Sequence, Table, View
from stonegate.model.names import QualifiedName

_TABLES: Final = {"r": "table", "p": "partitioned table", "f": "foreign table"}
_VIEWS: Final = ("v", "m")


class Relations:
    """Makes the relations that are described, by schema and name."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._ours = sorted((one for one in lookup.rows.relations if one.ours), key=lambda one: (one.schema, one.name))
        self._columns = Columns(lookup)
        self._keys = Keys(lookup)
        self._attached = Attached(lookup)
        settings = lookup.rows.settings[0]
        methods = {one.oid: one.name for one in lookup.rows.access_methods}
        self._methods = {oid: name for oid, name in methods.items() if name != settings.access_method}
        self._spaces = {one.oid: one.name for one in lookup.rows.tablespaces}
        self._types = {one.oid: QualifiedName(one.schema, one.name) for one in lookup.rows.types}
        self._foreign = {one.relation: one for one in lookup.rows.foreign_tables}

    def tables(self) -> tuple[Table, ...]:
        """Ordinary, partitioned and foreign ones.

        Raises:
            Vanished: another session dropped something meanwhile.
        """
        return tuple(self._table(one) for one in self._ours if one.kind in _TABLES)

    def views(self) -> tuple[View, ...]:
        """Views and materialised views.

        Raises:
            Vanished: another session dropped something meanwhile.
        """
        return tuple(self._view(one) for one in self._ours if one.kind in _VIEWS)

    def sequences(self) -> tuple[Sequence, ...]:
        """All but those inside identity columns."""
        found = {one.relation: one for one in self._lookup.rows.sequences}
        return tuple(self._sequence(one, known(found.get(one.oid))) for one in self._ours if one.kind == "S")

    def _table(self, one: rows.Relation) -> Table:
        parents = tuple(map(self._lookup.name, self._lookup.parents.get(one.oid, ())))
        return Table(
            schema=one.schema,
            name=one.name,
            kind=_TABLES[one.kind],
            columns=self._columns.of(one.oid),
            constraints=self._keys.constraints(one.oid),
            indexes=self._keys.indexes(one.oid),
            triggers=self._attached.triggers(one.oid),
            policies=self._attached.policies(one.oid),
            row_security=one.row_security,
            force_row_security=one.force_row_security,
            unlogged=one.unlogged,
            options=self._options(one),
            inherits=() if one.is_partition else parents,
            partition_key=printed(one.definition) if one.kind == "p" else None,
            partition_of=known(next(iter(parents), None)) if one.is_partition else None,
            partition_bound=printed(one.partition_bound) if one.is_partition else None,
            of_type=known(self._types.get(one.of_type)) if one.of_type else None,
            replica_identity="d" if one.kind == "f" else one.replica_identity,
            access_method=self._methods.get(one.access_method),
            tablespace=self._spaces.get(one.tablespace),
            access=self._lookup.access(rows.PG_CLASS, one),
        )

    def _view(self, one: rows.Relation) -> View:
        return View(
            schema=one.schema,
            name=one.name,
            materialized=one.kind == "m",
            populated=one.populated,
            definition=printed(one.definition),
            columns=self._columns.of(one.oid),
            options=self._options(one),
            indexes=self._keys.indexes(one.oid),
            triggers=self._attached.triggers(one.oid),
            access_method=self._methods.get(one.access_method),
            tablespace=self._spaces.get(one.tablespace),
            access=self._lookup.access(rows.PG_CLASS, one),
        )

    def _sequence(self, one: rows.Relation, found: rows.SequenceRow) -> Sequence:
        return Sequence(
            schema=one.schema,
            name=one.name,
            options=sequence_options(found),
            owned_by=self._owned_by(one.oid),
            unlogged=one.unlogged,
            access=self._lookup.access(rows.PG_CLASS, one),
        )

    def _owned_by(self, sequence: int) -> tuple[str, str, str] | None:
        owner = self._lookup.sequence_owners.get(sequence)
        table = self._lookup.relations.get(owner.relation) if owner is not None else None
        if owner is None or table is None or not table.ours:
            return None
        return table.schema, table.name, known(self._lookup.column_names.get(table.oid, {}).get(owner.number))

    def _options(self, one: rows.Relation) -> tuple[str, ...]:
        found = [*(one.options or ()), *(f"toast.{text}" for text in one.toast_options or ())]
        if (foreign := self._foreign.get(one.oid)) is not None:
            found += (f"server={foreign.server}", *(f"fdw.{text}" for text in foreign.options or ()))
        return tuple(sorted(found))
