"""Access control lists as PostgreSQL prints them (manual 5.8), compared with the usual ones for the model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from stonegate.model.catalog import Privilege

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
_ITEM: Final = re.compile(r'(?:"((?:[^"]|"")*)"|([^="]*))=((?:[a-zA-Z]\*?)*)/')

#: What privileges.sql leaves in the document. A quote inside of a JSON string has a backslash before it, so that no
#: text of a body can look like this.
_STRING: Final = rb'"(?:[^"\\]|\\.)*"'
_LIST: Final = rb"\[(?:%b(?:, ?%b)*)?\]" % (_STRING, _STRING)
_MEMBER: Final = re.compile(rb',"acl":(\[%b, (?:%b|null), (?:%b|null)\])' % (_LIST, _LIST, _STRING))


def spell_out_privileges(document: bytes) -> bytes:
    """The JSON document of a catalog with `granted` and `revoked` in the places of its access control lists."""
    return _MEMBER.sub(lambda found: _members(found[1]), document)


@lru_cache(maxsize=256)
def _members(text: bytes) -> bytes:
    given, usual, owner = msgspec.json.decode(text, type=tuple[list[str], list[str] | None, str | None])
    lists = compare_lists(given, usual or (), owner)
    members = (
        b',"%b":%b' % (name, msgspec.json.encode(privileges))
        for name, privileges in zip((b"granted", b"revoked"), lists, strict=True)
        if privileges
    )
    return b"".join(members)


def compare_lists(
    given: Iterable[str], usual: Iterable[str], owner: str | None
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


def _rights(items: Iterable[str]) -> dict[tuple[str, str], bool]:
    """Grantee ("" is PUBLIC) and privilege, and whether it may be passed on; several grantors add up."""
    rights: dict[tuple[str, str], bool] = {}
    for item in items:
        found = _ITEM.match(item)
        if found is None:
            raise ValueError(f"not an item of an access control list: {item}")
        grantee = found[2] if found[1] is None else found[1].replace('""', '"')
        for letter, star in re.findall(r"(.)(\*?)", found[3]):
            key = (grantee, _PRIVILEGES[letter])
            rights[key] = rights.get(key, False) or bool(star)
    return rights
