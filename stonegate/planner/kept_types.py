"""What depends on a column that keeps another type than the folder declares (behaviour, §5: adoption).

PostgreSQL prints the type into every expression over such a column, and a view's column has it: checks, indexes,
policies, views, … differ from those of a fresh build as long as the column does, whatever is done to them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import Catalog
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind
from stonegate.model.plan import SHOWING, Action, Change, shows_left_type
from stonegate.planner.reach import reached

_MEMBERS = frozenset({ObjectKind.COLUMN, ObjectKind.ATTRIBUTE})
_NAME = r'(?:[a-z_][\w$]*|"(?:[^"]|"")+")'
#: `::character varying(40)[]`, `::timestamp without time zone`, `::public.mood`.
_CAST = re.compile(
    rf"::(?:character varying|double precision|bit varying|{_NAME}(?:\.{_NAME})?)(?:\(\d+(?:,\d+)?\))?"
    r"(?: with(?:out)? time zone)?(?:\[\])*"
)


class Leaning(Struct, frozen=True, kw_only=True):
    """The objects that differ from their declarations since a column that they use keeps another type.

    Attributes:
        keys: what depends on them, directly or by way of others.
        former: what the last deployment declared; None before the first one.
    """

    keys: frozenset[ObjectKey]
    desired: Catalog
    former: Catalog | None

    @property
    def marks(self) -> Iterator[str]:
        """How all of them are remembered, also those that the next migration has PostgreSQL print otherwise."""
        return map(shows_left_type, sorted(self.keys))

    def leaves(self, change: Change) -> bool:
        """True if the object is left as it is: it differs by the kept type alone, or the folder says of it what it said
        at the last deployment.

        So what somebody changes by hand there is not noticed until the folder changes it.
        """
        is_meant = change.key in self.keys or (change.holder in self.keys and change.holder.kind in VIEW_KINDS)
        if not is_meant or change.action in (Action.CREATE, Action.DROP) or change.aspect not in SHOWING:
            return False
        if change.before is not None and change.after is not None and _bare(change.before) == _bare(change.after):
            return True
        return self.former is not None and _declared(self.former, change.key) == _declared(self.desired, change.key)


def is_remembered(change: Change, excepted: Collection[str], moved: Iterable[tuple[ObjectKey, ObjectKey]]) -> bool:
    """True if an earlier deployment left this difference as it is; the record has its object's name of that time.

    Args:
        moved: what the pending migrations give other names: (before, after).
    """
    if not excepted:
        return False
    key = change.key
    for old, new in reversed(tuple(moved)):
        if new in (key, key.owner):
            key = old if new == key else replace(key, schema=old.schema, name=old.name)
    return replace(change, key=key).exception in excepted


def leaning_on(left: Iterable[Change], desired: Catalog, live: Catalog, former: Catalog | None) -> Leaning:
    """What leans on the columns of `left` whose new type is not carried out."""
    columns = [each.key for each in left if each.key.kind in _MEMBERS and each.aspect == "type"]

    def users(key: ObjectKey) -> Iterable[ObjectKey]:
        return (*desired.dependents.get(key, ()), *live.dependents.get(key, ()))

    return Leaning(keys=frozenset(reached(columns, users)), desired=desired, former=former)


def _bare(text: str) -> str:
    """The text without casts, and the parentheses and blanks that come with them."""
    return re.sub(r"[()\s]", "", _CAST.sub("", text))


def _declared(catalog: Catalog, key: ObjectKey) -> object:
    return catalog.part(key) if key.is_part else catalog.objects.get(key)
