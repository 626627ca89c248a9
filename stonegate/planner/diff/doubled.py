"""Storage parameters of a partition's own index, which two findings have: the one that builds or alters the index, and
the remark about it as the share of a parent's index ("index storage"). One of them is enough."""

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
    """The findings without remarks on the parameters of indexes that others build or alter with them."""
    findings = tuple(findings)
    told = {name for each in findings if isinstance(each, Change) for name in _told(each, desired)}
    for finding in findings:
        found = _PARAMETER.fullmatch(finding.key.name) if isinstance(finding, Change) else None
        if found is None or found[1] not in told:
            yield finding


def _told(change: Change, desired: Catalog) -> Iterator[str]:
    """The indexes whose parameters the change's own statement has; that of a key has none, as PostgreSQL prints it."""
    key, is_built = change.key, change.action in _BUILT
    table = desired.table(key) if is_built and key.kind is ObjectKind.TABLE else None
    if key.kind is ObjectKind.INDEX and (is_built or change.aspect == "options"):
        yield key.qualified.sql
    elif table is not None:
        shares = (share for share in table.indexes if is_named_share(share, table.name))
        yield from (key.index(share.name).qualified.sql for share in shares)
