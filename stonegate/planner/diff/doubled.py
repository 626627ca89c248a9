"""What is said twice of a partition's index of its own: its definition has its storage parameters, and so has what is
said of the share of a parent's index alone ("index storage")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stonegate.model.catalog import Catalog
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Change
from stonegate.planner.diff.findings import Finding
from stonegate.planner.diff.matching import is_named_share

_PARAMETER = re.compile(r"index storage (?!tablespace )\S+ of index (.+)")
_BUILT = frozenset({Action.CREATE, Action.RECREATE})


def without_doubled(findings: Iterable[Finding], desired: Catalog) -> Iterator[Finding]:
    """The findings without parameters of indexes that these build or set the parameters of."""
    findings = tuple(findings)
    told = {name for each in findings if isinstance(each, Change) for name in _told(each, desired)}
    for finding in findings:
        found = _PARAMETER.fullmatch(finding.key.name) if isinstance(finding, Change) else None
        if found is None or found[1] not in told:
            yield finding


def _told(change: Change, desired: Catalog) -> Iterator[str]:
    """The indexes whose statements have their parameters; those of keys have none, as PostgreSQL prints these."""
    key, is_built = change.key, change.action in _BUILT
    table = desired.table(key) if is_built and key.kind is ObjectKind.TABLE else None
    if key.kind is ObjectKind.INDEX and (is_built or change.aspect == "options"):
        yield key.qualified.sql
    elif table is not None:
        shares = (share for share in table.indexes if is_named_share(share, table.name))
        yield from (key.index(share.name).qualified.sql for share in shares)
