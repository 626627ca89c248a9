"""The first generation: `/register`, `/migrate`, the administrator's databases and tenants."""

from __future__ import annotations

import asyncio

from stonegate.database.connect import using
from stonegate.database.server.databases import connect_maintenance
from stonegate.database.server.sizes import read_database_sizes
from stonegate.fleet.original import find_unrecorded
from stonegate.gateway.call.request import id_text
from stonegate.gateway.deploy.deployments import create_empty, migrate, register
from stonegate.gateway.endpoints import Answer, Endpoint, Incoming
from stonegate.gateway.forms import CreateTenant, MigrateForm, RegisterForm
from stonegate.gateway.routes.deploying import DEPLOY_CODES, MIGRATED, deploy
from stonegate.settings import MIB


async def register_database(incoming: Incoming) -> Answer:
    """Make the database, or bring it up to date."""
    form: RegisterForm = incoming.form
    incoming.facts.update(platform=form.platform, tenant=form.tenant_id)
    return await deploy(incoming, "register", register, form.platform, id_text(form.tenant_id), incoming.archive)


async def migrate_databases(incoming: Incoming) -> Answer:
    """Apply a folder to one database, or to all of a platform but those of its schemas (`/v2/migrate`)."""
    form: MigrateForm = incoming.form
    incoming.facts.update(platform=form.platform, tenant=form.tenant_id)
    work = (form.platform, id_text(form.tenant_id), incoming.archive, form.options)
    return await deploy(incoming, "migrate", migrate, *work)


async def list_databases(incoming: Incoming) -> Answer:
    """The databases of a platform with their sizes."""
    gateway = incoming.gateway
    name, server = incoming.query["platform"], gateway.settings.server_conninfo
    found = await find_unrecorded(gateway.registry, server, name)
    record = await asyncio.to_thread(gateway.registry.find, name)
    owners = {owner.database: owner for owner in found.certain} | {each.database: each.owner for each in found.targets}
    owners |= {} if record is None else {each.database: each.owner for each in record.databases}
    if record is None and not owners:
        gateway.registry.platform(name)  # says that there is none
    async with using(await connect_maintenance(server)) as maintenance:
        sizes = await read_database_sizes(maintenance, tuple(owners))
    databases = [
        {
            "name": database,
            "type": "main" if owner.tenant in (None, "main") else "tenant",
            "size_mb": round(sizes[database] / MIB, 2) if database in sizes else None,
        }
        for database, owner in sorted(owners.items())
    ]
    return Answer(200, {"platform": name, "databases": databases, "count": len(databases)})


async def create_tenant(incoming: Incoming) -> Answer:
    """An empty database for a tenant; its folder comes with `/register` or `/migrate`."""
    form: CreateTenant = incoming.form
    incoming.facts.update(platform=form.platform, tenant=form.tenant_id)
    created = incoming.gateway.settings.created_status
    return await deploy(incoming, "create", create_empty, form.platform, form.tenant_id, success=created)


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/register",
        summary="Make a database, or bring it up to date",
        handler=register_database,
        form=RegisterForm,
        archive=("schema", "file"),
        codes=DEPLOY_CODES,
        answer={
            "status": "string",
            "database": "string",
            "created": "boolean",
            "extensions_installed": "integer",
            "types_deployed": "integer",
            "tables_created": "integer",
            "migrations_applied": "integer",
            "migrations_baselined": "integer",
            "functions_deployed": "integer",
            "functions_skipped": "integer",
            "seeders": "array",
            "execution_time_ms": "integer",
        },
    ),
    Endpoint(
        method="POST",
        path="/migrate",
        summary="Apply a folder to one database, or to all of a platform but those of its schemas",
        handler=migrate_databases,
        form=MigrateForm,
        archive=("schema", "file"),
        codes=DEPLOY_CODES,
        answer=MIGRATED,
    ),
    Endpoint(
        method="GET",
        path="/admin/databases",
        summary="The databases of a platform",
        handler=list_databases,
        query=("platform!",),
        codes=("platform_not_found", "connection_failed"),
        answer={"platform": "string", "databases": "array", "count": "integer"},
    ),
    Endpoint(
        method="POST",
        path="/admin/create-tenant",
        summary="An empty database for a tenant",
        handler=create_tenant,
        form=CreateTenant,
        created=True,
        codes=(*DEPLOY_CODES, "database_already_exists"),
        answer={"status": "string", "database": "string", "message": "string"},
    ),
)
