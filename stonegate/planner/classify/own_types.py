"""The types that people made, as far as the type matrix has to know them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct, field

from stonegate.model.catalog import Catalog
from stonegate.planner.classify.type_rules import RANGES


class OwnTypes(Struct, frozen=True, kw_only=True):
    """The types that people made, by their names in format_type's spelling.

    Attributes:
        domains: base type of each domain.
        unchecked: domains without checks and NOT NULL.
        enums: names of enum types.
        ranges: the multirange of each range type, those of PostgreSQL included.
    """

    domains: Mapping[str, str] = {}
    unchecked: Collection[str] = frozenset()
    enums: Collection[str] = frozenset()
    ranges: Mapping[str, str] = field(default_factory=lambda: RANGES)

    def bases(self, domain: str) -> Iterator[str]:
        """What a domain is made of, down to the type that is no domain; nothing for other types."""
        while domain in self.domains:
            domain = self.domains[domain]
            yield domain

    def is_checked(self, domain: str) -> bool:
        """True for a domain that looks at each value, itself or by what it is made of: PostgreSQL goes by a rewrite."""
        return any(each in self.domains and each not in self.unchecked for each in (domain, *self.bases(domain)))


def own_types(live: Catalog, desired: Catalog) -> OwnTypes:
    """Those of a database that changes: of a domain the desired form counts, values have live types."""
    domains = {domain.key.qualified.sql: domain for domain in (*live.domains, *desired.domains)}
    unchecked = (name for name, domain in domains.items() if not domain.constraints and not domain.not_null)
    ranges = (*live.ranges, *desired.ranges)
    return OwnTypes(
        domains=live.domain_bases | desired.domain_bases,
        unchecked=frozenset(unchecked),
        enums=frozenset(enum.key.qualified.sql for enum in live.enums),
        ranges=RANGES | {kind.key.qualified.sql: kind.multirange for kind in ranges},
    )
