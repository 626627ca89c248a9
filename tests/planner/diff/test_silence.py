"""Nothing differs silently: every field of every class of the catalog is changed, and the diff has to say something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from stonegate.model import catalog as model
from stonegate.model.catalog import Catalog
from stonegate.model.names import QualifiedName
from stonegate.planner.diff import Diff
from tests.planner.catalogs import diff, full

#: Fields that are not compared, and why. Everything else must lead to a change, a note or an unmanaged object.
NOT_COMPARED = {
    ("Catalog", "server"),  # a fact about the server: the reference is built on the same one
    ("Catalog", "dependencies"),  # follow from the definitions that are compared
    ("Access", "owner"),  # without a word of the folder the owner is whoever builds; see test_diff_access.py
    ("Constraint", "columns"),  # part of its definition
    ("Constraint", "references"),  # part of its definition
    ("Constraint", "index"),  # the index of a constraint has the constraint's name
    ("Constraint", "shared"),  # only notes exist for it, of a partition that has another part of its parent's index
    ("Index", "definition"),  # its shape and its name
    ("Index", "unique"),  # part of its shape
    ("Index", "columns"),  # part of its shape
    ("Index", "inherited"),  # only notes exist for it where a parent stays: an index cannot be detached
    ("Column", "not_null_inherited"),  # counts where a parent stays that hands it down
    ("View column", "not_null_inherited"),
    ("Trigger", "routine"),  # part of its definition
    ("Trigger", "columns"),  # part of its definition
    ("Routine", "definition"),  # its head and its body
    ("OtherObject", "about"),  # follows from what the object is about, which is part of its name
    ("Sequence", "name"),  # of an owned sequence, which its column identifies
    ("View", "materialized"),  # part of its key
    ("View", "populated"),  # rows, which whoever declares WITH NO DATA brings himself; see test_materialized_views.py
    ("View column", "not_null_options"),
    ("View column", "not_null"),  # PostgreSQL leaves these empty for columns of views
    ("View column", "owned_sequence"),
    ("View column", "identity"),
    ("View column", "identity_options"),
    ("View column", "identity_name"),
    ("View column", "identity_access"),
    ("View column", "generated"),
    ("View column", "generated_kind"),
    ("View column", "inherited"),
    ("Column", "identity_name"),  # of an owned sequence, too
    ("Column", "owned_sequence"),  # says whose sequence the default's is, which compares by owner
    ("OtherObject", "drop"),  # follows from kind and identity
}


#: The only columns whose NOT NULL can have options and a name.
NOT_NULL = {f".tables[0].columns[{number}]" for number in (0, 3)}
NOT_NULL_FIELDS = ("not_null_options", "not_null_name")

#: Changes that leave a catalog which PostgreSQL cannot be in.
IMPOSSIBLE = {
    ".tables[0].columns[0].default",  # another default, but still the nextval of the sequence that the column owns
    ".sequences-0",  # a serial column without its sequence
    ".sequences[0].schema",  # an owned sequence in another schema than its table
}


def _changed(value: Any, name: str) -> list[Any]:
    """Other values of the same field."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1]
        case None:
            return _invented(name)
        case str():
            return [{"O": "D", "d": "f"}.get(value, f"{value}x")]
        case QualifiedName():
            return [QualifiedName(value.schema, f"{value.name}x")]
        case _:
            return []


def _invented(name: str) -> list[Any]:
    if name in ("references", "partition_of", "of_type", "owned_sequence", "identity_name"):
        return [QualifiedName("public", "elsewhere")]
    if name == "owned_by":
        return [("public", "other", "a")]
    if name == "statistics":
        return [100]
    return [] if name in ("identity_options", "identity_access") else ["something"]


_EMPTY_TUPLES: dict[str, tuple[Any, ...]] = {
    "granted": (model.Privilege(grantee="reader", privilege="SELECT"),),
    "revoked": (model.Privilege(grantee="", privilege="EXECUTE"),),
    "options": ("fillfactor=70",),
    "inherits": (QualifiedName("public", "other"),),
    "statistics": ((1, 100),),
    "search_path": ("sales",),
    "columns": ("age",),
    "parameters": (model.Parameter(name="b", mode="in", type="text"),),
    "arguments": ("text",),
}


def mutations(value: Any, path: str = "") -> Iterator[tuple[str, str, str, Any]]:
    """(class, field, path, the whole value with that one field changed), recursively."""
    kind = type(value).__name__
    for field in fields(value):
        current = getattr(value, field.name)
        where = f"{path}.{field.name}"
        for other in _changed(current, field.name):
            yield kind, field.name, where, replace(value, **{field.name: other})
        if isinstance(current, Struct) and not isinstance(current, QualifiedName):
            for inner, name, deeper, changed in mutations(current, where):
                yield inner, name, deeper, replace(value, **{field.name: changed})
        if field.name == "owned_by" and current is not None:
            yield kind, field.name, where, replace(value, owned_by=("public", "other", "a"))
        elif isinstance(current, tuple):
            for inner, name, deeper, changed in _in_tuple(current, where, field.name):
                yield inner or kind, name or field.name, deeper, replace(value, **{field.name: changed})


def _in_tuple(items: tuple[Any, ...], path: str, name: str) -> Iterator[tuple[str, str, str, tuple[Any, ...]]]:
    if not items and name in _EMPTY_TUPLES:
        yield "", "", f"{path}+", _EMPTY_TUPLES[name]
    for number, item in enumerate(items):
        rest = (items[:number], items[number + 1 :])
        yield "", "", f"{path}-{number}", (*rest[0], *rest[1])
        if isinstance(item, str):
            yield "", "", f"{path}[{number}]", (*rest[0], f"{item}x", *rest[1])
        elif isinstance(item, Struct) and not isinstance(item, QualifiedName):
            for inner, field, deeper, changed in mutations(item, f"{path}[{number}]"):
                yield inner, field, deeper, (*rest[0], changed, *rest[1])


def _all_mutations() -> list[tuple[str, str, str, Catalog]]:
    found = []
    for kind, name, path, changed in mutations(full()):
        if path in IMPOSSIBLE or (name in NOT_NULL_FIELDS and path.rsplit(".", 1)[0] not in NOT_NULL):
            continue
        if kind in ("ObjectKey", "Dependency"):
            continue  # dependencies follow from the definitions that are compared
        if kind == "Constraint" and ".domains[" in path and name in ("inherited", "clustered", "replica_identity"):
            continue  # marks of table constraints
        if path.endswith(".identity_options.type"):
            continue  # says how far a new type of the column moves the bounds, which are compared
        inside_view = ".views[" in path and ".columns[" in path
        found.append(("View column" if inside_view and kind == "Column" else kind, name, path, changed))
    return found


MUTATIONS = _all_mutations()


def test_the_catalog_is_equal_to_itself() -> None:
    found = diff(full(), full())
    assert (found.changes, found.unmanaged, found.notes) == ((), (), ())


def _silent(found_for: Callable[[Catalog], Diff], ignored: frozenset[str] = frozenset()) -> list[str]:
    """Changed fields about which the diff says nothing."""
    silent = []
    for kind, name, path, changed in MUTATIONS:
        found = found_for(changed)
        said = found.changes or found.unmanaged or found.notes
        if not said and (kind, name) not in NOT_COMPARED and name not in ignored:
            silent.append(f"{kind}.{name} at {path}")
    return silent


def test_every_field_that_is_changed_in_the_folder_is_noticed() -> None:
    assert _silent(lambda changed: diff(changed, full())) == []


def test_every_field_that_is_changed_in_the_folder_is_noticed_at_adoption() -> None:
    # Privileges beyond the declared ones are never removed (behaviour, §1), and nobody knows of former ones.
    assert _silent(lambda changed: diff(changed, full(), declared=None), frozenset({"granted"})) == []


def test_every_field_that_is_changed_by_hand_is_noticed() -> None:
    # What somebody was granted beyond the declared rights, or added to the search_path, is not the folder's business.
    rights = frozenset({"granted", "revoked", "grantee", "privilege", "grantable", "search_path"})
    # An index is the replica identity only where the table says so, which is compared.
    assert _silent(lambda changed: diff(full(), changed), rights | {"replica_identity"}) == []


def test_every_class_of_the_model_is_covered() -> None:
    classes = {
        thing.__name__
        for thing in vars(model).values()
        if isinstance(thing, type) and issubclass(thing, Struct) and thing.__module__.startswith(model.__name__)
    }
    covered = {kind for kind, *_ in MUTATIONS} | {"View column"}
    # Dependencies and who passed a right on are not compared; keys are part of what they identify.
    assert classes - covered - {"Dependency", "PassedOn", "Catalog"} == set()
