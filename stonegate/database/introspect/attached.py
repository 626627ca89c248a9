"""Triggers and policies of relations (manual: CREATE TRIGGER, CREATE POLICY)."""

from __future__ import annotations

from typing import Final

from stonegate.database.introspect import rows
from stonegate.database.introspect.lookup import Lookup, grouped, printed, printed_if
from stonegate.model.catalog import Policy, Trigger
from stonegate.model.names import QualifiedName

_COMMANDS: Final = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "*": "ALL"}


class Attached:
    """Makes the triggers and policies of relations."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._triggers = grouped(lookup.rows.triggers, lambda one: one.relation)
        self._policies = grouped(lookup.rows.policies, lambda one: one.relation)

    def triggers(self, relation: int) -> tuple[Trigger, ...]:
        """Those of a relation by name, but for what PostgreSQL or an extension made."""
        return tuple(
            self._trigger(one)
            for one in self._triggers.get(relation, ())
            if not one.inner and (rows.PG_TRIGGER, one.oid) not in self._lookup.members
        )

    def _trigger(self, one: rows.Trigger) -> Trigger:
        mentioned = self._lookup.mentioned.get((rows.PG_TRIGGER, one.oid, one.relation), ())
        return Trigger(
            name=one.name,
            definition=printed(one.definition),
            enabled=one.enabled,
            routine=QualifiedName(one.routine_schema, one.routine_name),
            columns=self._lookup.names(one.relation, sorted(mentioned)),
            comment=self._lookup.comment(rows.PG_TRIGGER, one.oid),
        )

    def policies(self, relation: int) -> tuple[Policy, ...]:
        """Those of a table by name."""
        return tuple(
            Policy(
                name=one.name,
                permissive=one.permissive,
                command=_COMMANDS[one.command],
                roles=tuple(sorted(one.roles)),
                using=printed_if(one.using),
                check=printed_if(one.check),
                comment=self._lookup.comment(rows.PG_POLICY, one.oid),
            )
            for one in self._policies.get(relation, ())
        )
