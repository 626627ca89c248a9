"""What clients send, each declared once: validated by these classes and described by them in /openapi.json."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from stonegate.errors import UsageError
from stonegate.gateway.call.request import Id, Name, Word, one_id
from stonegate.gateway.deploy.deployments import MigrateOptions
from stonegate.model.consent import Consent
from stonegate.model.plan import PlanOptions

#: Characters of all consents of a request together.
MOST_CONSENTS: Final = 65_536
#: Looked at character by character before PostgreSQL gets it (SASLprep, RFC 4013).
Password = Annotated[str, msgspec.Meta(max_length=1000)]


class RegisterForm(msgspec.Struct, kw_only=True):
    """`/register`; an empty `tenant_id`, or `null`, is the platform's own database."""

    platform: Name
    tenant_id: Word | None = None


class Migrating(msgspec.Struct, kw_only=True):
    """What every migration may allow and ask for."""

    force: bool = False
    allow: list[str] | str = []
    allow_drift: bool = False
    seed_missing: bool = False
    dry_run: bool = False
    skip_verification: bool = False

    @property
    def options(self) -> MigrateOptions:
        """As the planner knows them.

        Raises:
            UsageError: an unknown consent.
        """
        return MigrateOptions(
            plan=PlanOptions(
                consents=parse_consents([self.allow] if isinstance(self.allow, str) else self.allow),
                force=self.force,
                allow_drift=self.allow_drift,
                seed_missing=self.seed_missing,
            ),
            dry_run=self.dry_run,
            skip_verification=self.skip_verification,
        )


class MigrateForm(Migrating, kw_only=True):
    """`/migrate`; without `tenant_id` every database of the platform that is of no schema."""

    platform: Name
    tenant_id: Word | None = None
    allow: list[str] = []


class SchemaForm(msgspec.Struct, kw_only=True):
    """`/platform/{platform}/schema`; `name` is another name of `schema_name`."""

    schema_name: Word | None = None
    name: Word | None = None

    @property
    def chosen(self) -> str:
        """The schema's name.

        Raises:
            UsageError: none is given, or two.
        """
        if self.schema_name and self.name and self.schema_name != self.name:
            raise UsageError("schema_name and name are the same field, and were given different values")
        found = self.schema_name or self.name
        if not found:
            raise UsageError("the field schema_name is missing")
        return found


class CreateTenant(msgspec.Struct, kw_only=True):
    """`/admin/create-tenant`."""

    platform: Name
    tenant_id: Name


class RegisterPlatform(msgspec.Struct, kw_only=True):
    """`/platform/register`; a role that is named and not there is made, its password generated unless given."""

    platform: Name
    db_user: Word | None = None
    db_password: Password | None = None


class CreateDatabase(msgspec.Struct, kw_only=True):
    """`/database/create`; without an id it is `main`."""

    platform: Name
    schema_name: Name
    database_id: Id = None
    uuid: Id = None

    @property
    def id(self) -> str | None:
        """The id under either of its names."""
        return one_id(self.database_id, self.uuid)


class MigrateAll(Migrating, kw_only=True):
    """`/v2/migrate-all`: all databases of a stored folder."""

    platform: Name
    schema_name: Name


class MigrateStored(MigrateAll, kw_only=True):
    """`/v2/migrate`; without an id all databases of that schema."""

    database_id: Id = None
    uuid: Id = None

    @property
    def id(self) -> str | None:
        """The id under either of its names."""
        return one_id(self.database_id, self.uuid)


def parse_consents(words: list[str]) -> tuple[Consent, ...]:
    """Consents from a repeated field, each of which may be a comma list.

    Raises:
        UsageError: an unknown consent, or too many.
    """
    if sum(map(len, words)) > MOST_CONSENTS:
        raise UsageError(f"the consents are longer than the {MOST_CONSENTS:,} characters allowed")
    return tuple(consent for word in words for consent in Consent.parse_list(word))
