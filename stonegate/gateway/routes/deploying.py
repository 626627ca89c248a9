"""What deploying routes of both generations have in common: how one is carried out, what it answers, how it fails."""

from __future__ import annotations

import time
from typing import Any

from stonegate.gateway.deploy.results import Outcome
from stonegate.gateway.endpoints import Answer, Incoming

DEPLOY_CODES = (
    "schema_extraction_failed",
    "extension_not_available",
    "platform_isolation_violation",
    "database_not_found",
    "platform_not_found",
    "drift",
    "changed_migration",
    "missing_seed",
    "plan_changed",
    "verification_failed",
    "lock_timeout",
    "table_too_large",
    "migration_blocked",
    "migration_failed",
    "function_deploy_failed",
    "extension_install_failed",
    "connection_failed",
    "payload_too_large",
)

MIGRATED = {
    "status": "string",
    "databases_updated": "array",
    "migrations_applied": "integer",
    "functions_updated": "integer",
    "functions_skipped": "integer",
    "tables_created": "integer",
    "seeder_validations": "array",
    "schema_validation": "object",
    "verification": "object",
    "results": "array",
    "execution_time_ms": "integer",
}


async def deploy(incoming: Incoming, kind: str, work: Any, *arguments: Any, success: int = 200) -> Answer:
    """Run a deployment elsewhere and answer with what came of it."""
    started, gateway = time.monotonic(), incoming.gateway
    outcome: Outcome = await gateway.processes.run(work, gateway.deployer, *arguments)
    await gateway.settle(kind, outcome)
    elapsed = round((time.monotonic() - started) * 1000)
    if outcome.status != 200 and "results" not in outcome.body:
        return Answer(outcome.status, outcome.body)
    status = success if outcome.status == 200 else outcome.status
    return Answer(status, {**outcome.body, "execution_time_ms": elapsed})
