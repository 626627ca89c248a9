"""What to type where PostgreSQL says that the role which deploys may not do something (42501)."""

from __future__ import annotations

import re

from stonegate.model.names import quote_ident

_IS_NO_OWNER = (
    "connect as the role that owns the object, or GRANT what is missing; "
    "a platform's role gets a whole database with `stonegate platform adopt`"
)
_IS_NO_SUPERUSER = "connect as a superuser, or as a role that may do this; or have one of these do it once by hand"
_IS_NO_MEMBER_OF_ANY = (
    "only members of the role that FOR ROLE names, and superusers, may do this: as a superuser, GRANT that role to the "
    "one that deploys; or connect as a superuser"
)
#: What ALTER … OWNER TO asks of the new owner (manual: ALTER TABLE); PostgreSQL does not say whose lack it is.
_SCHEMA = re.compile(r"permission denied for schema (.+)")
_NEW_OWNER = re.compile(r'\bowner\s+to\s+("(?:[^"]|"")+"|[^\s;"]+)', re.IGNORECASE)
#: PostgreSQL 15, and later ones; SET ROLE itself.
_ROLE = re.compile(r'(?:must be member of role|must be able to SET ROLE|permission denied to set role) "(.+)"')
_SUPERUSER = re.compile(r"superuser|Only roles with|permission denied(?: to (?:create|alter|grant|drop) .*)?$")


def hint_for_privilege(message: str, sql: str) -> str:
    """What to type.

    Args:
        message: PostgreSQL's, with its detail.
        sql: the statement; empty where it is none of the plan's.
    """
    if (role := _ROLE.search(message)) is not None:
        name = quote_ident(role[1])
        return f"as a superuser, GRANT {name} TO the role that deploys; or connect as a superuser"
    schema, owner = _SCHEMA.match(message), _NEW_OWNER.search(sql)
    if schema is not None and owner is not None:
        return (
            "the new owner must be allowed to make objects there; in front of it, GRANT CREATE ON SCHEMA "
            f"{quote_ident(schema[1])} TO {owner[1]};"
        )
    if "default privileges" in message:
        return _IS_NO_MEMBER_OF_ANY
    return _IS_NO_SUPERUSER if _SUPERUSER.search(message) is not None else _IS_NO_OWNER
