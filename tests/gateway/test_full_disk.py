"""A job whose state cannot be kept: its databases are deployed to all the same."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stonegate.errors import DataDirUnusable
from stonegate.fleet.files import replace_file, unusable
from stonegate.fleet.names import v2_owner
from stonegate.fleet.registry import Registry
from stonegate.gateway.deploy import jobs
from stonegate.gateway.deploy.deployments import MigrateOptions, create, store
from stonegate.gateway.deploy.jobs import Jobs, run_job
from tests.gateway.folders import release
from tests.gateway.gateway import pack
from tests.gateway.inside import deployer_of
from tests.servers import Server, psql


def test_a_job_that_cannot_be_noted_does_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, descriptors = Jobs(tmp_path), Path("/proc/self/fd")

    def write(path: Path, content: bytes) -> None:
        raise unusable(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "replace_file", write)
        before = len(list(descriptors.iterdir()))
        with pytest.raises(DataDirUnusable):
            kept.begin("shop", "app", 2)
        assert len(list(descriptors.iterdir())) == before
    assert [path.name for path in kept.directory.iterdir()] == [".start.lock"]
    os.close(kept.begin("shop", "app", 2)[1])


@pytest.mark.parametrize("room", [1, 2, 3], ids=["for the beginning", "for one database", "for all but the end"])
def test_a_full_disk_ends_no_job(
    new_name: Callable[[], str], own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    name, home = new_name(), tmp_path / "data"
    deployer = deployer_of(home, own_server.admin_url)
    Registry(home).register(name)
    assert store(deployer, name, "app", pack(release(1))).status == 200
    for tenant in ("a", "b"):
        assert create(deployer, v2_owner(name, "app", tenant), "app").status == 200
    assert store(deployer, name, "app", pack(release(2))).status == 200
    kept = Jobs(home)
    state, lock = kept.begin(name, "app", 2)
    written = 0

    def write(path: Path, content: bytes) -> None:
        nonlocal written
        written += 1
        if written > room:
            raise unusable(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        replace_file(path, content)

    monkeypatch.setattr(jobs, "replace_file", write)
    try:
        outcome = run_job(deployer, state.job_id, MigrateOptions())
        assert [status for _, status in outcome.results] == ["applied"] * 2 and written == 4
    finally:
        os.close(lock)
    for tenant in ("a", "b"):
        assert psql(own_server.url(f"{name}_app_{tenant}"), "SELECT version_of()") == [(2,)]
    assert kept.read(state.job_id).status == "interrupted"
