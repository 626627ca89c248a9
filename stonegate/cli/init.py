"""`stonegate init`: the beginning of a platform. It never overwrites anything."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import tomli_w
import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.output import expect_json, show, stdout, write_json
from stonegate.cli.render.lines import indented
from stonegate.errors import UsageError
from stonegate.model.source import Folder
from stonegate.settings import CONFIG_FILE, read_settings

_ABOUT = {
    Folder.EXTENSIONS: "one file each, named after the extension; -- version: X and -- schema: S are optional",
    Folder.TYPES: "enums, composites, domains, ranges",
    Folder.TABLES: "CREATE TABLE as it shall be, with its indexes, policies and comments; never ALTER TABLE by hand",
    Folder.VIEWS: "views and materialised views",
    Folder.FUNCTIONS: "functions and procedures",
    Folder.TRIGGERS: "triggers",
    Folder.MIGRATIONS: "what cannot be said by declaring the result: renames, moved data. Each runs once",
    Folder.SEEDERS: "INSERTs of the rows that every new database starts with",
}
_README = """\
# The database

`stonegate plan` says what would be done, `stonegate apply --embedded` does it on a private PostgreSQL.

| folder | what stands in it (`.pssql`, `.pgsql` or `.sql`) |
|---|---|
{rows}

A folder that is here, even an empty one, says: this is all there is. What an earlier deployment made and the folder no
longer declares is removed (with your consent, where data would be lost). Remove the folder itself if that kind of
object is managed elsewhere.
"""
_CONFIG = """\
# Flags and environment variables win over this file. Secrets belong into .env, and that into .gitignore.

{source}
[target]
embedded = true                 # a private PostgreSQL under .stonegate/; or:
# database = "service=mine"     # a libpq URL, conninfo or service, without password

[apply]
# lock_timeout = 5              # seconds that a statement waits for a lock
# statement_timeout = 0         # seconds; 0 is no limit
"""


def init(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="The folder to make; postgresql/ if not given.", show_default=False),
    ] = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Write stonegate.toml and an empty folder with its eight directories.

    What is there already stays as it is.
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    folder = read_settings({"folder": folder}).folder
    made: list[str] = []
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is there already and is no folder", hint="stonegate init OTHER_FOLDER")
        for kind in Folder:
            directory = folder / kind.value
            if not directory.exists():
                directory.mkdir(parents=True)
                # Version control does not keep empty directories.
                (directory / ".gitkeep").touch()
                made.append(f"{directory}/")
        rows = "\n".join(f"| `{kind.value}/` | {about} |" for kind, about in _ABOUT.items())
        made += _write_new(folder / "README.md", _README.format(rows=rows))
        made += _write_new(Path(CONFIG_FILE), _CONFIG.format(source=tomli_w.dumps({"source": {"folder": str(folder)}})))
    except OSError as error:
        hint = "run it in a directory that this account may write" if isinstance(error, PermissionError) else None
        raise UsageError(f"cannot write {error.filename}", cause=error.strerror or str(error), hint=hint) from error
    if as_json:
        write_json({"created": made})
        return
    show(*(Text.assemble(("+ ", "green"), name) for name in made))
    if not made:
        show(Text("everything is there already; nothing was written"))
    show(*indented(stdout(), Text(f"next: {_next(folder)}"), 0))


def _next(folder: Path) -> str:
    """What to do in the folder as it is: one that holds something already is planned at once."""
    # stonegate.toml may be an older one, which names another folder.
    named = "" if read_settings().folder == folder else f" {shlex.quote(str(folder))}"
    files = (path for kind in Folder for path in (folder / kind.value).rglob("*") if not path.name.startswith("."))
    if any(path.is_file() for path in files):
        return f"stonegate plan{named}"
    return f"put a table into {folder / Folder.TABLES.value}/, then: stonegate plan{named}"


def _write_new(path: Path, text: str) -> list[str]:
    """Write the file unless it exists; its name if it was written."""
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return []
    return [str(path)]
