"""Access control lists as PostgreSQL prints them (manual 5.8), compared with the usual ones for the model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from stonegate.model.catalog import PassedOn, Privilege

#: The letters of an ACL (manual, table 5.1), with the words that aclexplode has for them.
_PRIVILEGES: Final = {
    "a": "INSERT",
    "r": "SELECT",
    "w": "UPDATE",
    "d": "DELETE",
    "D": "TRUNCATE",
    "x": "REFERENCES",
    "t": "TRIGGER",
    "X": "EXECUTE",
    "U": "USAGE",
    "C": "CREATE",
    "c": "CONNECT",
    "T": "TEMPORARY",
    "s": "SET",
    "A": "ALTER SYSTEM",
    "m": "MAINTAIN",
}
#: `grantee=letters/grantor`; a name with anything but letters, digits and underscores is quoted.
_ITEM: Final = re.compile(r'(?:"((?:[^"]|"")*)"|([^="]*))=((?:[a-zA-Z]\*?)*)/(?:"((?:[^"]|"")*)"|([^"]*))')


#: An item taken apart: grantee ("" is PUBLIC), its letters with a star where the right may be passed on, grantor.
_Taken = tuple[str, tuple[tuple[str, str], ...], str]


@lru_cache(maxsize=256)
def compare_lists(
    given: tuple[str, ...], usual: tuple[str, ...], owner: str | None
) -> tuple[tuple[Privilege, ...], tuple[Privilege, ...]]:
    """What an access control list holds beyond the usual one, and what it lacks.

    Args:
        given, usual: their items (aclitem) as text.
        owner: whose own rights count only if they lack; None to count everybody's.

    Raises:
        KeyError: a privilege that no supported PostgreSQL has.
    """
    has, expected = _rights(given), _rights(usual)
    granted = (
        Privilege(grantee=grantee, privilege=privilege, grantable=grantable)
        for (grantee, privilege), grantable in has.items()
        if grantee != owner and (grantable or (grantee, privilege) not in expected)
    )
    revoked = (Privilege(grantee=grantee, privilege=privilege) for grantee, privilege in expected.keys() - has.keys())
    return tuple(sorted(granted)), tuple(sorted(revoked))


@lru_cache(maxsize=256)
def rights_passed_on(given: tuple[str, ...], owner: str) -> tuple[PassedOn, ...]:
    """The rights in a list that other roles than the owner gave."""
    return tuple(
        sorted(
            PassedOn(giver=giver, grantee=grantee, privilege=_PRIVILEGES[letter])
            for grantee, letters, giver in map(_take_apart, given)
            for letter, _ in letters
            if giver != owner
        )
    )


def _rights(items: Iterable[str]) -> dict[tuple[str, str], bool]:
    """Grantee ("" is PUBLIC) and privilege, and whether it may be passed on; several grantors add up."""
    rights: dict[tuple[str, str], bool] = {}
    for grantee, letters, _ in map(_take_apart, items):
        for letter, star in letters:
            key = (grantee, _PRIVILEGES[letter])
            rights[key] = rights.get(key, False) or bool(star)
    return rights


def _take_apart(item: str) -> _Taken:
    found = _ITEM.fullmatch(item)
    if found is None:
        raise ValueError(f"not an item of an access control list: {item}")
    grantee, giver = (
        bare if quoted is None else quoted.replace('""', '"')
        for quoted, bare in ((found[1], found[2]), (found[4], found[5]))
    )
    return grantee, tuple(re.findall(r"(.)(\*?)", found[3])), giver
