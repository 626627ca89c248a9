"""The command line as tests use it: run in this process, in an empty directory, without settings from outside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from stonegate.cli.app import main
from stonegate.cli.output import expect_json
from stonegate.settings import every_setting
from tests.servers import Database

EXAMPLES = Path(__file__).parents[2] / "examples"

#: A folder that deploys, small enough to be read at a glance.
NOTES = {
    "tables/notes.pssql": (
        "CREATE TABLE notes (\n    id serial PRIMARY KEY,\n    title text NOT NULL,\n    legacy text\n);\n"
    ),
    "functions/add_note.pssql": (
        "CREATE FUNCTION add_note(p_title text, p_legacy text DEFAULT 'none') RETURNS integer LANGUAGE sql AS $$\n"
        "    INSERT INTO notes (title, legacy) VALUES (p_title, p_legacy) RETURNING id;\n$$;\n"
    ),
    "seeders/notes.pssql": "INSERT INTO notes (id, title) VALUES (1, 'it''s here'), (2, 'NULL');\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The end of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


class Run(Protocol):
    def __call__(self, *arguments: object) -> Result: ...


WriteFolder = Callable[[Mapping[str, str]], Path]


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    names = {name for setting in every_setting() for name in setting.env}
    for name in (*names, "PGDATABASE", "PGSERVICE", "NO_COLOR", "COLUMNS", "FORCE_COLOR", "STONEGATE_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    expect_json(wanted=False)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line; nothing that it prints is shared with another run."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Result(code=code, out=printed.out, err=printed.err)

    return run


@pytest.fixture
def write_folder(tmp_path: Path) -> WriteFolder:
    """Writes `postgresql/` in the current directory, in place of the one before."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "postgresql"
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def notes(write_folder: WriteFolder) -> Path:
    """The folder NOTES."""
    return write_folder(NOTES)


@pytest.fixture
def url(database: Database) -> str:
    return database.url


@pytest.fixture
def deployed(run: Run, notes: Path, url: str) -> str:
    """The URL of a database that has the folder NOTES."""
    result = run("apply", "-d", url)
    assert (result.code, result.err) == (0, ""), result.err
    return url


def without(name: str, column: str) -> dict[str, str]:
    """NOTES without the lines that mention a column."""
    lines = NOTES[name].splitlines(keepends=True)
    return NOTES | {name: "".join(line for line in lines if column not in line).replace("NULL,\n)", "NULL\n)")}
