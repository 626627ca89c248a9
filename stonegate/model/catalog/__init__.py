"""The state of one database as a value: the desired one (read from the reference database) and the live one share it.

All texts are PostgreSQL's own spelling, read with an empty search_path, so that equal things have equal texts. Objects
that belong to an extension, to PostgreSQL itself or to stonegate's tracking are not in it.
"""

from stonegate.model.catalog.access import (
    Access,
    DefaultPrivileges,
    PassedOn,
    Privilege,
    held_although_denied,
    without_denied,
)
from stonegate.model.catalog.database import Accessible, Catalog, CatalogObject, Dependency
from stonegate.model.catalog.objects import (
    LIKE_TYPES,
    Extension,
    OtherObject,
    OtherPart,
    Parameter,
    Routine,
    Schema,
    is_remark,
)
from stonegate.model.catalog.relations import (
    NOT_ENFORCED,
    NOT_VALID,
    UNCHECKED,
    WITH_INDEX,
    Column,
    Constraint,
    Index,
    Policy,
    RelationPart,
    Sequence,
    SequenceOptions,
    Table,
    Trigger,
    View,
    find_part,
)
from stonegate.model.catalog.types import Attribute, CompositeType, DomainType, EnumType, RangeType

__all__ = [
    "LIKE_TYPES",
    "NOT_ENFORCED",
    "NOT_VALID",
    "UNCHECKED",
    "WITH_INDEX",
    "Access",
    "Accessible",
    "Attribute",
    "Catalog",
    "CatalogObject",
    "Column",
    "CompositeType",
    "Constraint",
    "DefaultPrivileges",
    "Dependency",
    "DomainType",
    "EnumType",
    "Extension",
    "Index",
    "OtherObject",
    "OtherPart",
    "Parameter",
    "PassedOn",
    "Policy",
    "Privilege",
    "RangeType",
    "RelationPart",
    "Routine",
    "Schema",
    "Sequence",
    "SequenceOptions",
    "Table",
    "Trigger",
    "View",
    "find_part",
    "held_although_denied",
    "is_remark",
    "without_denied",
]
