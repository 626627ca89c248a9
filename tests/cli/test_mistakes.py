"""Every mistake that a user can make has its own clear error and exit code, and never a traceback."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stonegate.cli import app
from stonegate.cli.render.names import local_time
from tests.cli.conftest import NOTES, Run, WriteFolder


def _archive(members: dict[str, bytes], *, link: str | None = None) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link is not None:
            info = tarfile.TarInfo("postgresql/tables/link.sql")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return stream.getvalue()


def _bomb() -> bytes:
    return _archive({"postgresql/tables/a.sql": b"-" * 4_000_000})


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: b"plainly not", "not a gzip file"),
        (lambda: gzip.compress(b"not a tar"), "tar"),
        (lambda: _archive({"postgresql/tables/a.sql": b"CREATE TABLE a ();" * 500})[:-200], ""),
        (lambda: _archive({"../x.sql": b""}), "../x.sql"),
        (lambda: _archive({"/etc/x.sql": b""}), "/etc/x.sql"),
        (lambda: _archive({"postgresql/tables/a.sql": b""}, link="/etc/passwd"), "link"),
        (_bomb, "tables/a.sql"),
    ],
    ids=["not gzip", "not tar", "truncated", "dots", "absolute", "symlink", "bomb"],
)
def test_bad_archives(run: Run, make: Callable[[], bytes], word: str) -> None:
    Path("a.tar.gz").write_bytes(make())
    result = run("plan", "a.tar.gz")
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("error: ") and word in result.err


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"tables/a.sql": "CREATE TABLE a (x int, x);"}, ("syntax error", "tables/a.sql:1:25", "^")),
        (
            {
                "functions/a.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
                "functions/b.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2';",
            },
            ("f()", "functions/a.sql", "functions/b.sql"),
        ),
        (
            {
                "views/a.sql": "CREATE VIEW a AS SELECT * FROM b;",
                "views/b.sql": "CREATE VIEW b AS SELECT * FROM a;",
            },
            ("view a", "view b", "views/a.sql:1", "views/b.sql:1"),
        ),
        ({"tables/a.sql": "UPDATE a SET x = 1;"}, ("tables/a.sql:1", "migrations/")),
        ({"Table/a.sql": ""}, ("no postgresql/ folder", "Table/ is none of them: did you mean tables?")),
    ],
    ids=["syntax", "twice", "cycle", "misplaced", "mistyped directory"],
)
def test_bad_folders(run: Run, write_folder: WriteFolder, files: dict[str, str], words: tuple[str, ...]) -> None:
    write_folder(files)
    for command in (("plan",), ("check",), ("graph",), ("pack", "-o", "x.tar.gz")):
        result = run(*command)
        assert (result.code, result.out) == (3, ""), command
        assert all(word in result.err for word in words), result.err
    assert run("plan", "--format", "json").json["error"]


def test_latin_1_and_missing_folders(run: Run, write_folder: WriteFolder) -> None:
    folder = write_folder(NOTES)
    (folder / "tables" / "cafe.sql").write_bytes(b"-- caf\xe9\n")
    latin = run("plan")
    assert latin.code == 3 and "tables/cafe.sql:1" in latin.err and "UTF-8" in latin.err
    missing = run("plan", "nowhere")
    assert missing.code == 3 and "nowhere" in missing.err and "hint:" in missing.err
    (folder / "tables" / "cafe.sql").unlink()
    assert run("plan", ".").code == 0  # the wrapper postgresql/ in it is found


@pytest.mark.parametrize("name", [b"\xff.sql", b"\xff"])
def test_names_that_are_no_text(run: Run, notes: Path, name: bytes) -> None:
    path = os.fsencode(notes / "tables") + b"/" + name
    if name.endswith(b".sql"):
        Path(os.fsdecode(path)).write_text("CREATE TABLE a ();")
    else:
        Path(os.fsdecode(path)).mkdir()
    for command in (("plan",), ("check",), ("pack", "-o", "x.tar.gz")):
        result = run(*command)
        assert result.code == 3 and "the name of tables/\\xff" in result.err and "is not UTF-8" in result.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("plan", "--nonsense"), "--nonsense"),
        (("nonsense",), "nonsense"),
        (("plan", "--format", "yaml"), "yaml"),
        (("plan", "--allow", "drop_everything"), "drop_everything"),
        (("plan", "--scope", "half"), "half"),
        (("plan", "--preflight"), "--preflight"),
        (("apply",), "no database was named"),
        (("status",), "no database was named"),
        (("apply", "-d", "postgresql://localhost:1"), "no database"),
        (("apply", "-d", ""), "name of the database is empty"),
        (("apply", "--embedded", "-d", " "), "name of the database is empty"),
        (("apply", "-d", "postgresql://u:s3cret@[localhost:1/x"), "cannot be read"),
        (("apply", "-d", "postgresql://u:p@s3cret@localhost:1/x"), "cannot be read"),
        (("apply", "-d", "postgresql://u:p/s3cret@localhost:1/x"), "cannot be read"),
        (("apply", "-d", "postgresql:/u:s3cret@localhost:1/x"), "neither a URL"),
        (("apply", "-d", "--yes"), "--yes is an option"),
        (("apply", "--embedded", "-d", "postgresql://localhost/x"), "two targets"),
        (("apply", "--embedded", "--platform", "p"), "two targets"),
        (("apply", "--tenant", "t"), "need --platform"),
        (("apply", "-d", "x", "--on-error", "panic"), "--on-error"),
        (("apply", "-d", "x", "--lock-timeout", "-1"), "--lock-timeout"),
        (("apply", "-d", "x", "--lock-timeout", "1e999"), "--lock-timeout"),
        (("apply", "-d", "x", "--statement-timeout", "99999999min"), "--statement-timeout"),
        (("apply", "-d", "x", "--concurrency", "0"), "'--concurrency': must be at least 1"),
        (("serve", "--port", "70000"), "'--port': must be at most 65535"),
        (("history", "--limit", "many"), "'--limit': not a whole number"),
        (("reference", "prune", "--unused-days", "x"), "'--unused-days': not a number"),
        (("reference", "prune", "--unused-days", "inf"), "'--unused-days': must be at most"),
        (("apply", "-d", "x", "--plan", "nowhere.json"), "nowhere.json"),
        (("apply", "postgresql", "-d", "x", "--plan", "plan.json"), "no FOLDER"),
        (("apply", "-d", "x", "--plan", "plan.json", "--force"), "consents"),
        (("call",), "FUNCTION"),
        (("plan", "one", "two", "three"), "too many arguments: two three"),
        (("plan", "--out", "-"), "- is standard output"),
        (("apply", "-d", "x", "--report", "/dev/stdout"), "/dev/stdout is standard output"),
        (("pack", "-o", "-", "--format", "json"), "cannot both go to standard output"),
        (("history", "-d", "x", "--deployments", "--forced"), "--deployments lists whole applies"),
        (("history", "-d", "x", "--deployments", "--object", "t"), "--deployments lists whole applies"),
        (("platform", "register", "p", "--password-stdin"), "--password-stdin"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_errors(run: Run, notes: Path, arguments: tuple[str, ...], word: str) -> None:
    result = run(*arguments)
    assert (result.code, result.out if "json" not in arguments else "") == (2, "")
    assert result.err.startswith("error: ") and word in result.err and "s3cret" not in result.err
    if "--format" not in arguments and "serve" not in arguments:  # which prints no result
        document = run(*arguments, "--format", "json").json
        assert document["error"] == "invalid_request" and word in document["message"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("plna",), "error: no such command 'plna'\n  hint: did you mean plan?\n"),
        (("tenant", "zzz"), "error: no such command 'zzz'\n  hint: stonegate tenant --help\n"),
        (("plan", "--nosuch"), "error: no such option: --nosuch\n  hint: did you mean --out or --schema?\n"),
        (("call",), "error: missing argument 'FUNCTION'\n  hint: stonegate call --help\n"),
        (("plan", "-d"), "error: option '-d' requires an argument\n  hint: stonegate plan --help\n"),
    ],
)
def test_usage_errors_hint_at_what_was_meant(run: Run, arguments: tuple[str, ...], told: str) -> None:
    assert run(*arguments).err == told


def test_a_server_that_is_not_there(run: Run, notes: Path) -> None:
    for command in ("plan", "apply", "diff"):
        result = run(command, "-d", "postgresql://nobody:s3cret@127.0.0.1:1/notes")
        assert result.code == 6 and "127.0.0.1:1" in result.err and "hint:" in result.err
        assert "s3cret" not in result.err + result.out
    document = run("apply", "-d", "postgresql://nobody@127.0.0.1:1/notes", "--format", "json").json
    assert document["status"] == "failed" and document["error"]["code"] == "connection_failed"


def test_a_timeout_that_is_no_number(run: Run, notes: Path) -> None:
    result = run("plan", "-d", "host=127.0.0.1 port=1 dbname=notes connect_timeout=soon")
    assert result.code == 2 and "connect_timeout" in result.err and "hint:" in result.err


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"plan": {"version": 99}}'])
def test_a_file_that_is_no_plan(run: Run, content: str) -> None:
    Path("plan.json").write_text(content)
    result = run("apply", "-d", "x", "--plan", "plan.json")
    assert result.code == 2 and "not a saved plan" in result.err


def test_a_plan_that_was_edited(run: Run, notes: Path) -> None:
    run("plan", "--out", "plan.json")
    Path("plan.json").write_text(Path("plan.json").read_text().replace("legacy text", "legacy int"))
    result = run("apply", "-d", "x", "--plan", "plan.json")
    assert result.code == 2 and "changed after it was saved" in result.err and "hint:" in result.err


@pytest.mark.parametrize(("part", "value"), [("steps", []), ("blocked", None), ("checksum", "x"), ("version", 99)])
def test_a_plan_whose_readable_part_was_edited(run: Run, notes: Path, part: str, value: object) -> None:
    """Who takes a step out of `steps` must not have it carried out all the same."""
    run("plan", "--out", "plan.json")
    Path("plan.json").write_text(json.dumps(json.loads(Path("plan.json").read_text()) | {part: value}))
    result = run("apply", "-d", "x", "--plan", "plan.json")
    assert result.code == 2 and f"changed after it was saved: {part}" in result.err and "hint:" in result.err


def test_a_bug_is_one_line_and_a_hint(run: Run, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("stonegate.cli.plan.load_ordered", broken)
    result = run("plan")
    assert result.code == 6 and "unexpected ZeroDivisionError: oh" in result.err and app.TRACEBACK in result.err


def test_a_bug_leaves_no_older_report(run: Run, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("stonegate.cli.apply.choose_fleet", broken)
    Path("report.json").write_text('{"status": "applied"}')
    assert run("apply", "-d", "x", "--report", "report.json").code == 6
    report = json.loads(Path("report.json").read_text())
    assert report["status"] == "failed" and "ZeroDivisionError" in report["error"]["message"]


def test_an_interrupt_has_its_exit_code(run: Run, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stonegate.cli.plan.load_ordered", interrupted)
    assert run("plan").code == 130


def test_a_platform_that_is_not_registered(run: Run, notes: Path) -> None:
    result = run("plan", "--platform", "nobody", "--all")
    assert result.code == 2 and "nobody" in result.err and "hint:" in result.err


def test_control_characters_do_not_reach_the_terminal(run: Run, write_folder: WriteFolder) -> None:
    write_folder({"tables/a.sql": 'CREATE TABLE "a\x1b[31mred" (id int);'})
    assert "\x1b" not in run("plan").out and "\\x1b[31mred" in run("plan").out


def test_where_a_server_is_named_is_told_in_words_of_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of platforms have no -d; the private server of stonegate.toml is not theirs by itself."""
    monkeypatch.setenv("PGPORT", "1")
    told = run("platform", "register", "p", "--db-user", "r").err
    assert "DATABASE_URL or DB_HOST says where it is" in told and "`stonegate embedded url`" in " ".join(told.split())


def test_a_mistake_far_in_a_line_is_shown_at_once(run: Run, write_folder: WriteFolder) -> None:
    """Rows that a program wrote stand in one line as a rule."""
    rows = ", ".join(f"({number}, 'é')" for number in range(20_000))
    folder = write_folder({"seeders/a.sql": f"INSERT INTO t VALUES {rows}, (1 2);"})
    started = time.process_time()
    result = run("check", str(folder))
    assert time.process_time() - started < 5  # minutes where each letter before it is left out by itself
    assert result.code == 3 and "(19999, 'é'), (1 2)" in result.err


def test_names_that_no_file_system_takes(run: Run, notes: Path) -> None:
    """Whether there is such a file cannot even be asked, as where that is forbidden."""
    for command in (("pack", "-o", "x" * 300), ("plan", "--out", "x" * 300), ("init", "x" * 300)):
        result = run(*command)
        assert (result.code, result.out) == (2, "") and "error: cannot write xxx" in result.err, result.err


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "yesterday", ""])
def test_moments_that_nobody_can_tell_stand_as_they_are(moment: str) -> None:
    """Records are edited by hand."""
    assert local_time(moment) == moment
