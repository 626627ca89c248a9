"""Jobs of `/v2/migrate-all`: their state lives in DATA_DIR, where every worker, and the next process, finds it.

A job holds file locks while it lives: in the worker that started it, and in the process that carries it out. A state
that says "running" while nobody holds a lock belongs to a job whose process died.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from stonegate.errors import DataDirUnusable, MigrationInProgress, NotFound
from stonegate.fleet.files import locked, make_directory, replace_file
from stonegate.gateway.deploy.deployments import Deployer, MigrateOptions, migrate_stored
from stonegate.gateway.deploy.results import Outcome

DIRECTORY: Final = ".jobs"
MOST_KEPT: Final = 200
_ID: Final = re.compile(r"[0-9a-f]{32}\Z")
_ALIVE: Final = ("queued", "running")


class JobState(msgspec.Struct, kw_only=True):
    """What is kept of a job; `status` queued, running, completed, failed, partial or interrupted."""

    job_id: str
    platform: str
    schema_name: str
    status: str
    total_databases: int
    created_at: str
    finished_at: str | None = None
    results: list[dict[str, Any]] = []
    succeeded: int = 0
    failed: int = 0
    error: str | None = None


class Jobs:
    """The jobs below a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.directory = data_dir / DIRECTORY

    def begin(self, platform: str, schema: str, total: int) -> tuple[JobState, int]:
        """A new job, queued, and the descriptor of its lock: whoever closes it says that the job is over.

        Raises:
            MigrationInProgress: one for the same schema is alive.
        """
        make_directory(self.directory)
        with locked(self.directory / ".start.lock"):
            known = sorted(self._states(), key=lambda state: state.created_at)
            for state in known:
                if state.status in _ALIVE and (state.platform, state.schema_name) == (platform, schema):
                    raise MigrationInProgress(
                        f"a job migrates the databases of {platform}/{schema} already",
                        job=state.job_id,
                        hint=f"GET /v2/migrate-all/{state.job_id}",
                    )
            for state in known[: max(len(known) - MOST_KEPT, 0)]:
                if state.status not in _ALIVE:
                    self._remove(state.job_id)
            state = JobState(
                job_id=secrets.token_hex(16),
                platform=platform,
                schema_name=schema,
                status="queued",
                total_databases=total,
                created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            )
            descriptor = _hold(self._lock(state.job_id, "worker"))
            try:
                self.write(state)
            except BaseException:
                os.close(descriptor)
                self._remove(state.job_id)
                raise
            return state, descriptor

    def read(self, job_id: str) -> JobState:
        """The state as it is now.

        Raises:
            NotFound: no such job.
        """
        if not _ID.match(job_id):
            raise NotFound("there is no job of that id")
        try:
            state = msgspec.json.decode((self.directory / f"{job_id}.json").read_bytes(), type=JobState)
        except (FileNotFoundError, msgspec.DecodeError):
            raise NotFound("there is no job of that id") from None
        if state.status in _ALIVE and not self._is_alive(job_id):
            # It may have ended between the two looks.
            state = msgspec.json.decode((self.directory / f"{job_id}.json").read_bytes(), type=JobState)
            if state.status in _ALIVE:
                state.status = "interrupted"
        return state

    def write(self, state: JobState) -> None:
        """Keep the state, in one step."""
        replace_file(self.directory / f"{state.job_id}.json", msgspec.json.encode(state))

    @contextlib.contextmanager
    def alive(self, job_id: str) -> Iterator[None]:
        """Hold the lock of the process that carries the job out."""
        descriptor = _hold(self._lock(job_id, "process"))
        try:
            yield
        finally:
            os.close(descriptor)

    def _states(self) -> Iterator[JobState]:
        for path in self.directory.glob("*.json"):
            with contextlib.suppress(NotFound, OSError):
                yield self.read(path.stem)

    def _is_alive(self, job_id: str) -> bool:
        return any(_is_held(self._lock(job_id, kind)) for kind in ("worker", "process"))

    def _lock(self, job_id: str, kind: str) -> Path:
        return self.directory / f".{job_id}.{kind}.lock"

    def _remove(self, job_id: str) -> None:
        (self.directory / f"{job_id}.json").unlink(missing_ok=True)
        for kind in ("worker", "process"):
            self._lock(job_id, kind).unlink(missing_ok=True)


def run_job(deployer: Deployer, job_id: str, options: MigrateOptions) -> Outcome:
    """Carry a job out, in a process for deployments; its state is written after every database.

    A full disk ends no deployment that is under way: what cannot be kept of the state comes with the next one, and if
    that of the end cannot be kept either, the job reads as interrupted.
    """
    jobs = Jobs(deployer.data_dir)
    with jobs.alive(job_id):
        state = jobs.read(job_id)
        state.status = "running"
        jobs.write(state)

        def tell(result: dict[str, Any]) -> None:
            state.results.append(result)
            _count(state)
            with contextlib.suppress(DataDirUnusable):
                jobs.write(state)

        outcome = migrate_stored(deployer, state.platform, state.schema_name, None, options, tell)
        if "results" in outcome.body:
            state.results = outcome.body["results"]
        else:
            state.error = outcome.body.get("message")
        _count(state)
        finish(state)
        with contextlib.suppress(DataDirUnusable):
            jobs.write(state)
    return outcome


def finish(state: JobState) -> None:
    """The final status by the results."""
    if state.error is not None or (state.failed and not state.succeeded):
        state.status = "failed"
    else:
        state.status = "partial" if state.failed else "completed"
    state.finished_at = datetime.now(UTC).isoformat(timespec="milliseconds")


def _count(state: JobState) -> None:
    state.failed = sum(result["error"] is not None for result in state.results)
    state.succeeded = len(state.results) - state.failed


def _hold(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # so that two who ask do not see each other
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
