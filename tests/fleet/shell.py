"""The command line with the settings of a fleet, for the tests of its commands."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stonegate.cli.app import main as run_command
from tests.fleet.conftest import Fleet


class Shell:
    """`stonegate …` with the settings of a fleet.

    Attributes:
        apart: each command has a process of its own, as at a prompt; else all run in this one, which saves starts.
    """

    def __init__(self, fleet: Fleet, directory: Path) -> None:
        self.fleet = fleet
        self.directory = directory
        self.apart = False

    def environment(self) -> dict[str, str]:
        """As a service has it; so wide that no line is wrapped, however long names and paths are."""
        own = {"DATABASE_URL": self.fleet.url, "DATA_DIR": str(self.fleet.registry.directory), "COLUMNS": "500"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DB_"))}
        root = str(Path(__file__).parents[2])
        return kept | own | {"PYTHONPATH": root}

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command line."""
        if not self.apart:
            return self._run_here(arguments, stdin)
        return subprocess.run(
            [sys.executable, "-m", "stonegate", *arguments],
            cwd=self.directory,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def _run_here(self, arguments: tuple[str, ...], stdin: str) -> subprocess.CompletedProcess[str]:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        wanted = self.environment()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.directory)
            for name in os.environ.keys() - wanted.keys():
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = run_command(arguments)
            for stream in (out, err):
                stream.flush()
        printed, told = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
        return subprocess.CompletedProcess(arguments, code, printed, told)

    def done(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Its standard output, once the exit code is as expected."""
        result = self.run(*arguments, stdin=stdin)
        assert result.returncode == code, (arguments, result.returncode, result.stdout, result.stderr)
        return result.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Its JSON document."""
        return json.loads(self.done(*arguments, "--format", "json", code=code))


@pytest.fixture
def shell(fleet: Fleet, tmp_path: Path) -> Shell:
    """A command line in an empty directory."""
    work = tmp_path / "work"
    work.mkdir()
    return Shell(fleet, work)
