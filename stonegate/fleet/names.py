"""Names of a platform's databases, and the owner of each (http-contract, "Names and ownership")."""

from __future__ import annotations

import re
import shlex

from msgspec import Struct

from stonegate.errors import UsageError
from stonegate.model.names import LONGEST_NAME, REFERENCE_PREFIX, TEMPORARY_PREFIX

#: Databases that stonegate makes for itself, and drops without asking anybody.
RESERVED = (TEMPORARY_PREFIX, REFERENCE_PREFIX)
MAIN = "main"
#: What clients of the original's send for no tenant at all.
NO_TENANT = "null"
PLATFORM_FILE = "platform.json"

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")
_OTHER = re.compile(r"[^a-z0-9_]")
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")  # the latter are bytes of a command line that are no UTF-8
_PARTS = re.compile(r"([^0-9]*)([0-9]*)")


class Owner(Struct, frozen=True, kw_only=True):
    """Whose database it is, by the names as given: `a-b` and `a_b` are two platforms.

    Attributes:
        platform: as registered.
        schema: the stored folder (v2); None for v1.
        tenant: the tenant (v1) or database id (v2); None for the platform's own database of v1.
    """

    platform: str
    schema: str | None = None
    tenant: str | None = None

    @property
    def database(self) -> str:
        """The name that its database gets: `{platform}_main`, `{platform}_{tenant}`, `{platform}_{schema}_{id}`.

        Raises:
            UsageError: a part has no letter or digit, or the name is longer than 63 bytes or reserved.
        """
        parts = [sanitise(self.platform, "platform")]
        if self.schema is not None:
            parts.append(sanitise(self.schema, "schema"))
        parts.append(sanitise(MAIN if self.tenant is None else self.tenant, "tenant"))
        name = "_".join(parts)
        if len(name) > LONGEST_NAME:
            raise UsageError(
                f"the database name {name} has {len(name)} bytes, PostgreSQL takes {LONGEST_NAME}",
                hint="choose shorter names of platform, schema or tenant",
            )
        if name.startswith(RESERVED):
            raise UsageError(
                f"the database name {name} is reserved: stonegate's own databases begin like this",
                hint="choose another name of platform, schema or tenant",
            )
        return name

    def adopting(self, database: str) -> str:
        """The command that makes a database this owner's, and no one else's whose names make the same database."""
        words = ["stonegate", "platform", "adopt", self.platform, database]
        words += [] if self.schema is None else ["--schema", self.schema]
        if self.tenant is not None:
            words += ["--tenant", self.tenant]
        elif database != self.database:  # whose name may speak of a tenant
            words += ["--tenant", NO_TENANT]
        return shlex.join(words)

    def __str__(self) -> str:
        schema = "" if self.schema is None else f", schema {self.schema}"
        tenant = f"tenant {self.tenant}" if self.tenant is not None else MAIN
        return f"platform {self.platform}{schema}, {tenant}"


def word_of(text: str) -> str:
    """The name as `sanitise` makes it; but nothing is refused, since it may stand in a file of the original's."""
    return _OTHER.sub("_", text.lower()).strip("_")


def sanitise(text: str, what: str) -> str:
    """The name as part of a database name: lower case, `_` for every other character, none at its ends.

    Raises:
        UsageError: nothing is left, or more than 63 bytes; or neither a file nor a label can hold the name as given.
    """
    if _UNWRITABLE.search(text):
        raise UsageError(f"the {what} {text[:80]!r} is no text", hint="names are made of a-z, 0-9 and _")
    name = word_of(text)
    if not name:
        raise UsageError(f"the {what} {text[:80]!r} has no letter or digit", hint="names are made of a-z, 0-9 and _")
    if len(name) > LONGEST_NAME:
        raise UsageError(f"the {what} {text[:80]!r} has more than {LONGEST_NAME} bytes", hint="choose a shorter name")
    return name


def natural(name: str) -> tuple[tuple[str, int], ...]:
    """Sorts names as people do: `t2` before `t10`."""
    return tuple((text, int(number or 0)) for text, number in _PARTS.findall(name))


def v1_owner(platform: str, tenant: str | None) -> Owner:
    """The owner of a v1 request; an empty tenant, or the word null, is the platform's own database."""
    return Owner(platform=platform, tenant=None if tenant in (None, "", NO_TENANT) else tenant)


def v2_owner(platform: str, schema: str, database_id: str | None) -> Owner:
    """The owner of a v2 request; without an id it is the database `main` of that schema."""
    return Owner(platform=platform, schema=schema, tenant=database_id or MAIN)


def directory_name(name: str, what: str) -> str:
    """The name as that of a directory beside PLATFORM_FILE: itself, unless it could mean anything to a file system.

    Raises:
        UsageError: it has no letter or digit.
    """
    return name if _SAFE.match(name) and name != PLATFORM_FILE else sanitise(name, what)
