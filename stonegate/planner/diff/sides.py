"""The three sides of a diff (declared now, live, last declared) and what is asked of them more than once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from stonegate.model.catalog import Access, Catalog, CatalogObject, Column, DomainType, Table, View
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.model.plan import Action, Change
from stonegate.planner.classify.classes import USUAL, Circumstances, classify_change
from stonegate.planner.classify.own_types import OwnTypes, own_types
from stonegate.planner.classify.type_matrix import type_change
from stonegate.planner.classify.type_rules import TypeVerdict
from stonegate.planner.diff.dangers import Mentions, Scene, find_hazards
from stonegate.planner.reach import reached


class Sides(Struct, frozen=True, kw_only=True, dict=True):
    """The catalogs of a diff and everything that is asked of them more than once.

    Attributes:
        desired: the folder, built in the reference database.
        live: the target.
        declared: what the last deployment declared, None before the first one.
        deployed: keys of tables, types and routines that tracking rows name.
        kept: kinds of which nothing is ever removed.
        builder: the role that owns every desired object that says nothing else.
        stated: (extension, "version", "schema" or "comment") pairs that the folder states; None when that is unknown.
        starred: views and routines whose source has a `*`; None when that is unknown.
    """

    desired: Catalog
    live: Catalog
    declared: Catalog | None
    deployed: frozenset[ObjectKey]
    kept: frozenset[ObjectKind]
    builder: str
    stated: frozenset[tuple[str, str]] | None = None
    starred: frozenset[ObjectKey] | None = None

    # --- what was managed -------------------------------------------------------------------------------------------

    def was_declared(self, key: ObjectKey) -> bool:
        """True if an earlier deployment declared this object: then its absence from the folder means removal."""
        if key.kind in self.kept:
            return False
        return key in self.deployed or (self.declared is not None and key in self.declared.objects)

    def had_part(self, key: ObjectKey) -> bool:
        """True if the last deployment declared this part of a table, view or type."""
        return self.declared is not None and self.declared.has(key)

    def last_declared(self, key: ObjectKey) -> CatalogObject | None:
        """The object as the last deployment declared it, or None."""
        return None if self.declared is None else self.declared.objects.get(key)

    def last_access(self, key: ObjectKey) -> Access | None:
        """Owner, comment and privileges of the object as the last deployment declared them, or None."""
        access = getattr(self.last_declared(key), "access", None)
        return access if isinstance(access, Access) else None

    def last_table(self, key: ObjectKey) -> Table | None:
        """The table as the last deployment declared it, or None."""
        found = self.last_declared(key)
        return found if isinstance(found, Table) else None

    def states(self, extension: str, what: str) -> bool:
        """True unless the folder is known to leave the extension's version, schema or comment open."""
        return self.stated is None or (extension, what) in self.stated

    # --- changes ----------------------------------------------------------------------------------------------------

    def change(
        self,
        action: Action,
        key: ObjectKey,
        reason: str,
        *,
        aspect: str = "",
        before: str | None = None,
        after: str | None = None,
        table: ObjectKey | None = None,
        hint: str | None = None,
        facts: Circumstances = USUAL,
        column: Column | None = None,
        breaking: tuple[str, ...] = (),
        rewrites: bool = False,
    ) -> Change:
        """A classified change with its hazards; see `Scene` for what these need to know."""
        bare = Change(
            action=action, key=key, table=table, aspect=aspect, before=before, after=after, reason=reason, hint=hint
        )
        scene = Scene(sides=self, facts=facts, column=column, breaking=breaking, rewrites=rewrites)
        return find_hazards(classify_change(bare, facts), scene)

    # --- types ------------------------------------------------------------------------------------------------------

    @cached_property
    def domains(self) -> dict[str, DomainType]:
        """Domains by the name that format_type prints, the desired form first."""
        both = (*self.live.domains, *self.desired.domains)
        return {domain.key.qualified.sql: domain for domain in both}

    @cached_property
    def _own_types(self) -> OwnTypes:
        return own_types(self.live, self.desired)

    def type_change(self, old: str, new: str) -> TypeVerdict:
        """The type matrix with this database's domains, enums and ranges."""
        return type_change(old, new, self._own_types)

    # --- columns and relations --------------------------------------------------------------------------------------

    @cached_property
    def needs(self) -> dict[ObjectKey, tuple[QualifiedName, ...]]:
        """What each desired object reads, as far as it has a qualified name; each name once, in name order."""
        found: dict[ObjectKey, set[QualifiedName]] = {}
        for edge in self.desired.dependencies:
            found.setdefault(edge.dependent, set()).add(edge.on.qualified)
        return {key: tuple(sorted(names)) for key, names in found.items()}

    def removes_column(self, table: Table, column: Column) -> bool:
        """True if the live column goes: an earlier deployment declared it, the folder no longer does."""
        last = self.last_table(table.key)
        return (
            last is not None
            and last.column(column.name) is not None
            and ObjectKind.COLUMN not in self.kept
            and ObjectKind.TABLE not in self.kept
        )

    def final_columns(self, name: QualifiedName) -> tuple[str, ...]:
        """The columns of a live relation in the order that they have once this diff is carried out."""
        desired, live = self.desired.relations.get(name), self.live.relations.get(name)
        if desired is None:
            return ()
        wanted = [column.name for column in desired.columns]
        if live is None or isinstance(live, View) or isinstance(desired, View):
            return tuple(wanted)
        stay = [c.name for c in live.columns if c.name in set(wanted) or not self.removes_column(live, c)]
        return (*stay, *(name for name in wanted if name not in set(stay)))

    @cached_property
    def mentions(self) -> Mentions:
        """Which routine bodies of the desired database mention a word."""
        return Mentions(self.desired)

    # --- what uses a type -------------------------------------------------------------------------------------------

    @cached_property
    def _live_type_users(self) -> dict[str, list[ObjectKey]]:
        """Columns and attributes by their type without array brackets and modifiers."""
        found: dict[str, list[ObjectKey]] = {}
        for relation in self.live.relations.values():
            for column in relation.columns:
                key = relation.key.part(ObjectKind.COLUMN, column.name)
                found.setdefault(column.type.removesuffix("[]"), []).append(key)
        for composite in self.live.composites:
            for attribute in composite.attributes:
                part = composite.key.part(ObjectKind.ATTRIBUTE, attribute.name)
                found.setdefault(attribute.type.removesuffix("[]"), []).append(part)
        for domain in self.live.domains:
            found.setdefault(domain.base.removesuffix("[]"), []).append(domain.key)
        return found

    def users_of_type(self, key: ObjectKey) -> tuple[ObjectKey, ...]:
        """Live objects that use a type, in key order."""
        known = {*self.live.dependents.get(key, ()), *self._live_type_users.get(key.qualified.sql, ())}
        return tuple(sorted(known, key=str))

    def staying_users_of_type(self, key: ObjectKey) -> tuple[ObjectKey, ...]:
        """Live table columns that hold values of the type, also inside of other types, and that this diff neither drops
        nor gives another type."""
        users, types = self._holders_of_type(key)
        return tuple(user for user in users if self._keeps_type(user, types))

    def _holders_of_type(self, key: ObjectKey) -> tuple[tuple[ObjectKey, ...], frozenset[str]]:
        """The columns, and the names of the types that have it inside, as their multiranges do."""

        def types_over(holder: ObjectKey) -> Iterator[ObjectKey]:
            for user in self.users_of_type(holder):
                if user.owner.kind is ObjectKind.TYPE or self._is_in_rows(user, holder):
                    yield user.owner

        types = {key, *reached((key,), types_over)}
        users = {user for each in types for user in self.users_of_type(each) if user.kind is ObjectKind.COLUMN}
        columns = (user for user in users if self.live.table_column(user) is not None)
        ranges = (kind for side in (self.live, self.desired) for kind in side.ranges if kind.key in types)
        names = (*(other.qualified.sql for other in types), *(kind.multirange for kind in ranges))
        return tuple(sorted(columns, key=str)), frozenset(names)

    def _is_in_rows(self, user: ObjectKey, holder: ObjectKey) -> bool:
        """True for a column that goes on holding a type: whatever is of its relation's row type has that inside."""
        if user.kind is not ObjectKind.COLUMN:
            return False
        if self.live.table_column(user) is not None:
            return self._keeps_type(user, frozenset({holder.qualified.sql}))
        view = self.desired.relations.get(user.owner.qualified)
        wanted = {column.name: column.type.removesuffix("[]") for column in view.columns} if view is not None else {}
        return wanted.get(user.member or "") == holder.qualified.sql

    def _keeps_type(self, user: ObjectKey, types: frozenset[str]) -> bool:
        table, wanted = self.live.table(user.owner), self.desired.table(user.owner)
        column = table.column(user.member or "") if table is not None else None
        if table is None or column is None:
            return False
        if wanted is None:
            return not self.was_declared(user.owner)
        declared = wanted.column(column.name)
        if declared is not None:
            return declared.type.removesuffix("[]") in types
        if column.inherited:  # it goes with its parents'
            keys = (name.key(ObjectKind.TABLE).part(ObjectKind.COLUMN, column.name) for name in table.parents)
            return any(self._keeps_type(key, types) for key in keys)
        return not self.removes_column(table, column)

    def containers_of_domain(self, key: ObjectKey) -> tuple[ObjectKey, ...]:
        """Live table columns that hold the domain inside of an array, composite or range, and go on doing so."""
        bases = self.live.domain_bases

        def holds_inside(user: ObjectKey) -> bool:
            column = self.live.table_column(user)
            kind = column.type if column is not None else ""
            while kind in bases and kind != key.qualified.sql:
                kind = bases[kind]
            return kind != key.qualified.sql

        return tuple(user for user in self.staying_users_of_type(key) if holds_inside(user))
