"""The second generation: platforms, their stored folders, databases made from them, and jobs over all of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial
from typing import Any

from stonegate.errors import DataDirUnusable
from stonegate.fleet.credentials import register_platform as add_platform
from stonegate.fleet.names import v2_owner
from stonegate.fleet.registry import Registry
from stonegate.fleet.stored_folders import read_schema, stored_schemas
from stonegate.gateway.answers import Refusal, refusal_of
from stonegate.gateway.deploy.deployments import create, migrate_stored, store, stored_targets
from stonegate.gateway.deploy.jobs import JobState, finish, run_job
from stonegate.gateway.endpoints import Answer, Endpoint, Incoming
from stonegate.gateway.forms import CreateDatabase, MigrateAll, MigrateStored, RegisterPlatform, SchemaForm
from stonegate.gateway.logs import LOG
from stonegate.gateway.routes.deploying import DEPLOY_CODES, MIGRATED, deploy
from stonegate.gateway.state import Gateway
from stonegate.model.source import Folder

#: Jobs that this worker waits for; a task that nobody holds may vanish.
_RUNNING: set[asyncio.Task[None]] = set()


async def register_platform(incoming: Incoming) -> Answer:
    """A platform, with a role of its own if one is named."""
    form: RegisterPlatform = incoming.form
    gateway = incoming.gateway
    incoming.facts.update(platform=form.platform)
    server = gateway.settings.server_conninfo
    record = await add_platform(
        gateway.registry, server, form.platform, user=form.db_user or None, password=form.db_password or None
    )
    body = {
        "status": "registered",
        "platform": record.name,
        "message": f"registered the platform {record.name}",
        "has_dedicated_credentials": record.login is not None,
    }
    return Answer(gateway.settings.created_status, body)


async def upload_schema(incoming: Incoming) -> Answer:
    """Keep a folder for a platform, in place of one of that name."""
    form: SchemaForm = incoming.form
    gateway, platform, schema = incoming.gateway, incoming.path["platform"], form.chosen
    incoming.facts.update(platform=platform)
    outcome = await gateway.processes.run(store, gateway.deployer, platform, schema, incoming.archive)
    if outcome.status != 200:
        return Answer(outcome.status, outcome.body)
    folders = outcome.body["folders"]
    body = {
        "status": "registered",
        "platform": platform,
        "schema_name": schema,
        **{f"has_{kind}": kind in folders for kind in ("tables", "functions", "migrations", "seeders")},
        "checksum": outcome.body["checksum"],
    }
    return Answer(gateway.settings.created_status, body)


async def list_schemas(incoming: Incoming) -> Answer:
    """The stored folders of a platform."""
    platform = incoming.path["platform"]
    schemas = await asyncio.to_thread(_describe_schemas, incoming.gateway.registry, platform)
    return Answer(200, {"platform": platform, "schemas": schemas, "count": len(schemas)})


def _describe_schemas(registry: Registry, platform: str) -> list[dict[str, Any]]:
    described = []
    for schema in stored_schemas(registry, platform):
        read = read_schema(registry, platform, schema.name)
        there = {file.folder for file in read.files}
        kinds = (Folder.TABLES, Folder.FUNCTIONS, Folder.MIGRATIONS, Folder.SEEDERS)
        described.append({"name": schema.name, **{f"has_{kind.value}": kind in there for kind in kinds}})
    return described


async def list_databases(incoming: Incoming) -> Answer:
    """The databases of a platform, by its records."""
    platform, schema = incoming.path["platform"], incoming.query.get("schema")
    record = await asyncio.to_thread(incoming.gateway.registry.platform, platform)
    chosen = (each for each in record.databases if schema is None or each.owner.schema == schema)
    databases = [each.document for each in chosen]
    return Answer(200, {"platform": platform, "databases": databases, "count": len(databases)})


async def list_platforms(incoming: Incoming) -> Answer:
    """All platforms with counts."""
    registry = incoming.gateway.registry
    records = await asyncio.to_thread(registry.platforms)
    platforms = [
        {
            "name": record.name,
            "schemas": len(await asyncio.to_thread(stored_schemas, registry, record.name)),
            "databases": len(record.databases),
        }
        for record in records
    ]
    return Answer(200, {"platforms": platforms, "count": len(platforms)})


async def create_database(incoming: Incoming) -> Answer:
    """A database of a stored folder."""
    form: CreateDatabase = incoming.form
    owner = v2_owner(form.platform, form.schema_name, form.id)
    incoming.facts.update(platform=form.platform, tenant=owner.tenant)
    created = incoming.gateway.settings.created_status
    answer = await deploy(incoming, "create", create, owner, form.schema_name, success=created)
    if answer.status >= 300 or isinstance(answer.body, str):
        return answer
    body = {key: value for key, value in answer.body.items() if key not in ("database", "created")}
    named = {"platform": form.platform, "schema_name": form.schema_name, "database_name": answer.body["database"]}
    return Answer(answer.status, body | named)


async def migrate_database(incoming: Incoming) -> Answer:
    """Apply a stored folder to its databases."""
    form: MigrateStored = incoming.form
    incoming.facts.update(platform=form.platform, tenant=form.id)
    work = (form.platform, form.schema_name, form.id, form.options)
    answer = await deploy(incoming, "migrate", migrate_stored, *work)
    if isinstance(answer.body, str) or "results" not in answer.body:
        return answer
    return Answer(answer.status, {**answer.body, "platform": form.platform, "schema_name": form.schema_name})


async def begin_job(incoming: Incoming) -> Answer:
    """Apply a stored folder to all of its databases, without making the client wait."""
    form: MigrateAll = incoming.form
    gateway = incoming.gateway
    incoming.facts.update(platform=form.platform)
    options = form.options
    await asyncio.to_thread(read_schema, gateway.registry, form.platform, form.schema_name)
    targets = await asyncio.to_thread(
        stored_targets, gateway.deployer, gateway.registry, form.platform, form.schema_name, None
    )
    state, lock = await asyncio.to_thread(gateway.jobs.begin, form.platform, form.schema_name, len(targets))
    incoming.facts.update(job=state.job_id)
    task = asyncio.create_task(
        _await_job(gateway, state, lock, partial(run_job, gateway.deployer, state.job_id, options))
    )
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)
    return Answer(202, {"job_id": state.job_id, "status": state.status, "total_databases": state.total_databases})


async def _await_job(gateway: Gateway, state: JobState, lock: int, work: Any) -> None:
    """Hold the job's lock until its process is done with it, and say so if that process was killed."""
    try:
        await gateway.settle("job", await gateway.fleet_processes.run(work))
        if (await asyncio.to_thread(gateway.jobs.read, state.job_id)).finished_at is None:
            LOG.error("the end of a job could not be kept: is the disk of DATA_DIR full?", extra={"job": state.job_id})
    except Exception as error:
        LOG.error("a job ended without a result", extra={"job": state.job_id}, exc_info=error)
        state = await asyncio.to_thread(gateway.jobs.read, state.job_id)
        state.error = refusal_of(error).body["message"]  # the log has the words of what has no name
        finish(state)
        if isinstance(error, Refusal):  # its process died
            state.status = "interrupted"
        with contextlib.suppress(DataDirUnusable):  # then it reads so
            await asyncio.to_thread(gateway.jobs.write, state)
    finally:
        os.close(lock)


async def read_job(incoming: Incoming) -> Answer:
    """How far a job is."""
    state: JobState = await asyncio.to_thread(incoming.gateway.jobs.read, incoming.path["job"])
    body = {
        "job_id": state.job_id,
        "platform": state.platform,
        "schema_name": state.schema_name,
        "status": state.status,
        "total_databases": state.total_databases,
        "succeeded": state.succeeded,
        "failed": state.failed,
        "results": state.results,
        "error": state.error,
        "created_at": state.created_at,
        "finished_at": state.finished_at,
    }
    return Answer(200, body)


_MADE = {
    "status": "string",
    "platform": "string",
    "schema_name": "string",
    "database_name": "string",
    "extensions_installed": "integer",
    "types_deployed": "integer",
    "tables_created": "integer",
    "functions_deployed": "integer",
    "seeders": "array",
    "execution_time_ms": "integer",
}
_LISTED = {"platforms": "array", "count": "integer"}


def _create_at(path: str) -> Endpoint:
    return Endpoint(
        method="POST",
        path=path,
        summary="A database of a stored folder",
        handler=create_database,
        form=CreateDatabase,
        created=True,
        codes=(*DEPLOY_CODES, "schema_not_found", "database_already_exists"),
        answer=_MADE,
    )


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/platform/register",
        summary="A platform, with a role of its own if one is named",
        handler=register_platform,
        form=RegisterPlatform,
        created=True,
        codes=("platform_already_registered", "platform_isolation_violation", "migration_failed", "connection_failed"),
        answer={"status": "string", "platform": "string", "message": "string", "has_dedicated_credentials": "boolean"},
    ),
    Endpoint(
        method="POST",
        path="/platform/{platform}/schema",
        summary="Keep a folder for a platform",
        handler=upload_schema,
        form=SchemaForm,
        archive=("schema", "file"),
        created=True,
        codes=("platform_not_found", "schema_extraction_failed", "payload_too_large", "migration_failed"),
        answer={
            "status": "string",
            "platform": "string",
            "schema_name": "string",
            "has_tables": "boolean",
            "has_functions": "boolean",
            "has_migrations": "boolean",
            "has_seeders": "boolean",
            "checksum": "string",
        },
    ),
    Endpoint(
        method="GET",
        path="/platform/{platform}/schemas",
        summary="The stored folders of a platform",
        handler=list_schemas,
        codes=("platform_not_found", "schema_extraction_failed"),
        answer={"platform": "string", "schemas": "array", "count": "integer"},
    ),
    Endpoint(
        method="GET",
        path="/platform/{platform}/databases",
        summary="The databases of a platform",
        handler=list_databases,
        query=("schema",),
        codes=("platform_not_found",),
        answer={"platform": "string", "databases": "array", "count": "integer"},
    ),
    Endpoint(method="GET", path="/platforms", summary="All platforms", handler=list_platforms, answer=_LISTED),
    Endpoint(method="GET", path="/admin/platforms", summary="All platforms", handler=list_platforms, answer=_LISTED),
    _create_at("/database/create"),
    _create_at("/admin/database/create"),
    Endpoint(
        method="POST",
        path="/v2/migrate",
        summary="Apply a stored folder to its databases",
        handler=migrate_database,
        form=MigrateStored,
        codes=(*DEPLOY_CODES, "schema_not_found"),
        answer={**MIGRATED, "platform": "string", "schema_name": "string"},
    ),
    Endpoint(
        method="POST",
        path="/v2/migrate-all",
        summary="The same as a job",
        handler=begin_job,
        form=MigrateAll,
        status=202,
        codes=(*DEPLOY_CODES, "schema_not_found", "migration_in_progress"),
        answer={"job_id": "string", "status": "string", "total_databases": "integer"},
    ),
    Endpoint(
        method="GET",
        path="/v2/migrate-all/{job}",
        summary="How far a job is",
        handler=read_job,
        codes=("not_found",),
        answer={"status": "string", "results": "array", "succeeded": "integer", "failed": "integer"},
    ),
)
