"""`--embedded` from the first command of a newcomer to the last: no server, no URL, no settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stonegate.cli.source import name_after
from tests.cli.conftest import NOTES, Run


@pytest.fixture
def private(run: Run) -> Iterator[None]:
    """Stops the private server of the test's directory afterwards."""
    yield
    run("embedded", "stop")


@pytest.mark.slow
@pytest.mark.usefixtures("private")
def test_from_nothing_to_a_call(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no private PostgreSQL runs" in run("embedded", "status").out
    assert run("embedded", "url").code == 6
    assert run("init").code == 0
    empty = run("apply", "-d", "empty").out
    assert empty.startswith("✓ empty: the folder declares nothing yet (") and "the database is new" in empty
    assert "nothing was changed" in run("history", "--deployments", "-d", "empty").out
    for name, text in NOTES.items():
        (Path("postgresql") / name).write_text(text)
    first = run("apply")  # stonegate.toml says embedded = true
    assert first.code == 0 and "the database is new" in first.out
    name = name_after(Path("postgresql"))
    assert name in first.out
    assert run("call", "add_note", "hello", "--embedded", "--format", "json").json["rows"] == [{"add_note": 3}]
    status = run("embedded", "status", "--format", "json").json
    assert status["running"] is True
    with psycopg.connect(run("embedded", "url", name).out.strip()) as conn:
        assert conn.execute("SELECT count(*) FROM notes").fetchone() == (3,)

    with psycopg.connect(run("embedded", "url").out.strip(), autocommit=True) as conn:
        conn.execute("DROP DATABASE empty")
    Path("postgresql").rename("elsewhere")  # without a folder, the only database is meant
    assert name in run("status", "--embedded").out
    assert run("apply", "elsewhere", "--embedded", "-d", "second").code == 0
    several = run("status", "--embedded")
    assert several.code == 2 and "second" in several.err and "--embedded -d " in several.err
    assert "second" in run("status", "--embedded", "-d", "second").out
    assert "second" in run("status", "-d", "second").out  # on the server that stonegate.toml names
    monkeypatch.setenv("PGHOST", str(Path.cwd()))
    assert run("status", "-d", "second").code == 6  # and not where the environment names another
    assert run("embedded", "stop").out == "stopped\n"
    assert run("embedded", "stop", "--format", "json").json["stopped"] is False


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("todos/postgresql", "todos"),
        ("My Shop/postgresql", "my_shop"),
        ("archive/todos.tar.gz", "todos"),
        ("v1/before", "before"),
        ("ü/postgresql", "stonegate"),
    ],
)
def test_the_database_is_named_after_the_folder(folder: str, name: str) -> None:
    assert name_after(Path(folder)) == name
