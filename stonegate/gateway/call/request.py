"""The body of `/call`. A large one is taken apart only as far as the function has parameters for what is in it.

Every value of a request is an object in Python: a body of 16 MiB can hold eight million, which take a second in which
nobody else is served, and a gigabyte. So a large body keeps its parameters in one piece until the signature is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Annotated, Any, Final

import msgspec

from stonegate.database.call.session import FunctionSignature
from stonegate.errors import UsageError
from stonegate.fleet.names import word_of
from stonegate.gateway.call.signatures import MOST_ARGUMENTS, MOST_SHOWN, Arguments
from stonegate.gateway.call.values import LARGE_BYTES

#: Names and ids of clients; none of a database is longer than 63 bytes, but each is looked through before that shows.
Word = Annotated[str, msgspec.Meta(max_length=255)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Id = Word | int | None

_UNKNOWN: Final = re.compile(r"unknown field `(.*)`", re.DOTALL)


class Wanted(msgspec.Struct, kw_only=True):
    """Which function of which database; `tenant_id`, `uuid` or `database_id` names the tenant."""

    platform: Word
    function: str
    tenant_id: Id = None
    database_id: Id = None
    uuid: Id = None
    schema_name: Word | None = None
    timeout_ms: int | float | None = None

    @property
    def id(self) -> str | None:
        """`database_id`, which is also called `uuid`.

        Raises:
            UsageError: both are given and differ, or `tenant_id` names another tenant: it would be answered with the
                data of one of the two.
        """
        found, tenant = one_id(self.database_id, self.uuid), id_text(self.tenant_id)
        if found is not None and tenant is not None and word_of(found) != word_of(tenant):
            raise UsageError("tenant_id and database_id (or uuid) name different tenants", hint="send one of them")
        return found


class CallRequest(Wanted, kw_only=True):
    """The body of `/call`: `params` is a list, or an object for named arguments."""

    params: list[msgspec.Raw] | dict[str, msgspec.Raw] | None = None


class LargeCallRequest(Wanted, kw_only=True):
    """The same with its parameters in one piece."""

    params: msgspec.Raw = msgspec.Raw(b"null")


def take_apart(params: msgspec.Raw, name: str, signatures: Iterable[FunctionSignature]) -> Arguments:
    """The arguments of a large call.

    Raises:
        UsageError: they are no list or object, or more than any of these functions has parameters for.
    """
    try:
        match memoryview(params)[0]:
            case 0x5B:  # [
                values = msgspec.structs.astuple(_list_decoder().decode(params))
                return tuple(value for value in values if value is not None)
            case 0x7B:  # {
                names = frozenset(each.name for signature in signatures for each in signature.parameters if each.name)
                given = msgspec.structs.asdict(_object_decoder(names).decode(params))
                fields = dict(enumerate(sorted(names)))
                return {fields[int(key[1:])]: value for key, value in given.items() if value is not None}
            case 0x6E:  # null
                return ()
    except msgspec.ValidationError as error:
        unknown = _UNKNOWN.search(str(error))
        if unknown is not None:
            raise UsageError(f"no function {name} takes a parameter named {unknown[1][:MOST_SHOWN]}") from None
        raise UsageError(f"the parameters are more than the {MOST_ARGUMENTS:,} allowed") from None
    raise UsageError("params must be a list or an object", hint="GET /docs")


@cache
def _list_decoder() -> msgspec.json.Decoder[Any]:
    """Stops at the first value too many; for a list type msgspec counts when it has made them all."""
    fields = [(f"p{number}", msgspec.Raw, None) for number in range(MOST_ARGUMENTS)]
    return msgspec.json.Decoder(msgspec.defstruct("Few", fields, array_like=True, forbid_unknown_fields=True))


@lru_cache(maxsize=256)
def _object_decoder(names: frozenset[str]) -> msgspec.json.Decoder[Any]:
    """Stops at the first name that no parameter has."""
    rename = {f"p{number}": name for number, name in enumerate(sorted(names))}
    fields = [(field, msgspec.Raw, None) for field in rename]
    return msgspec.json.Decoder(msgspec.defstruct("Named", fields, rename=rename, forbid_unknown_fields=True))


@cache
def strict_decoder(kind: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    """Refuses unknown fields, which costs nothing; what it refuses is looked at again."""
    twin = msgspec.defstruct(f"Strict{kind.__name__}", [], bases=(kind,), kw_only=True, forbid_unknown_fields=True)
    return msgspec.json.Decoder(twin)


def find_unknown(body: bytes | bytearray, kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Fields of a JSON object that nobody declared; of a large one the first."""
    try:
        if len(body) > LARGE_BYTES:
            strict_decoder(kind).decode(body)
            return ()
        fields: Mapping[str, msgspec.Raw] = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        unknown = _UNKNOWN.search(str(error))
        return () if unknown is None else (unknown[1][:MOST_SHOWN],)
    return tuple(name[:MOST_SHOWN] for name in fields if name not in kind.__struct_fields__)


def one_id(database_id: str | int | None, uuid: str | int | None) -> str | None:
    """The id under either of its names; an empty one, or the word null, is none.

    Raises:
        UsageError: both are given and differ.
    """
    first, second = id_text(database_id), id_text(uuid)
    if first is not None and second is not None and first != second:
        raise UsageError("database_id and uuid are the same field, and were given different values")
    return first if first is not None else second


def id_text(value: str | int | None) -> str | None:
    """An id as text; None for an empty one, or the word null."""
    return None if value in (None, "", "null") else str(value)
