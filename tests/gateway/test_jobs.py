"""The states of jobs by themselves: who may begin, what is kept, and which of them are alive."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from stonegate.errors import MigrationInProgress, NotFound
from stonegate.gateway.deploy import jobs
from stonegate.gateway.deploy.jobs import Jobs, JobState, finish


def test_one_job_at_a_time_for_a_schema(tmp_path: Path) -> None:
    kept, descriptors = Jobs(tmp_path), Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    first, lock = kept.begin("shop", "app", 3)
    assert (first.status, first.total_databases, kept.read(first.job_id)) == ("queued", 3, first)
    with pytest.raises(MigrationInProgress) as caught:
        Jobs(tmp_path).begin("shop", "app", 3)
    assert (caught.value.job, caught.value.hint) == (first.job_id, f"GET /v2/migrate-all/{first.job_id}")
    for platform, schema in (("shop", "two"), ("app", "app")):
        os.close(kept.begin(platform, schema, 1)[1])
    with kept.alive(first.job_id):  # its process goes on where the worker is gone
        os.close(lock)
        first.status = "running"
        kept.write(first)
        assert kept.read(first.job_id).status == "running"
        with pytest.raises(MigrationInProgress):
            kept.begin("shop", "app", 3)
    for _ in range(2):
        second, lock = kept.begin("shop", "app", 3)
        os.close(lock)
    for state in (first, second):  # the second one never had a process
        assert kept.read(state.job_id).status == "interrupted"
    assert len(list(descriptors.iterdir())) == before


def test_old_jobs_are_forgotten_but_none_that_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_KEPT", 2)
    kept, begun, locks = Jobs(tmp_path), list[JobState](), list[int]()
    for number in range(4):
        state, lock = kept.begin("shop", f"s{number}", 1)
        with kept.alive(state.job_id):
            pass
        begun.append(state)
        locks.append(lock)
        state.created_at = f"2024-01-0{number + 1}"
        state.status = "completed" if number else "queued"
        kept.write(state)
    (kept.directory / "nonsense.json").write_text("{}")
    (kept.directory / f"{'0' * 32}.json").write_text("{")
    state, lock = kept.begin("shop", "last", 1)
    assert {path.stem for path in kept.directory.glob("*.json")} == {
        *(each.job_id for each in (begun[0], *begun[2:], state)), "nonsense", "0" * 32,
    }  # fmt: skip
    assert not [path for path in kept.directory.iterdir() if begun[1].job_id in path.name]
    for each in (*locks, lock):
        os.close(each)


@pytest.mark.parametrize("job_id", ["0" * 32, "0" * 31, "0" * 33, "A" * 32, "../" + "0" * 29, "0" * 32 + "\n", ""])
def test_no_other_file_is_read(tmp_path: Path, job_id: str) -> None:
    kept = Jobs(tmp_path)
    state, lock = kept.begin("shop", "app", 1)
    os.close(lock)
    (tmp_path / f"{'0' * 29}.json").write_bytes((kept.directory / f"{state.job_id}.json").read_bytes())
    with pytest.raises(NotFound, match="no job of that id"):
        kept.read(job_id)


def test_a_job_that_ended_between_two_looks_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Jobs(tmp_path)
    state, lock = kept.begin("shop", "app", 1)

    def end(path: Path) -> bool:
        state.status = "completed"
        kept.write(state)
        return False

    monkeypatch.setattr(jobs, "_is_held", end)
    assert kept.read(state.job_id).status == "completed"
    os.close(lock)


@pytest.mark.parametrize(
    ("succeeded", "failed", "error", "status"),
    [
        *((2, 0, None, "completed"), (0, 0, None, "completed"), (1, 1, None, "partial"), (0, 1, None, "failed")),
        *((1, 0, "no", "failed"), (1, 1, "no", "failed")),
    ],
)
def test_the_end_of_a_job(succeeded: int, failed: int, error: str | None, status: str) -> None:
    facts: dict[str, Any] = {"job_id": "x", "platform": "p", "schema_name": "s", "status": "running", "created_at": "c"}
    state = JobState(**facts, total_databases=2, succeeded=succeeded, failed=failed, error=error)
    finish(state)
    assert state.status == status and state.finished_at is not None
