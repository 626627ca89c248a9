"""What only a terminal shows: the question before an apply, colours, and progress; and what a pipe is spared."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers import Database

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
SECONDS = 60


def on_terminal(*arguments: str, answer: str = "", environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Run `stonegate` on a pseudo-terminal of 100 columns; `answer` is typed at the question.

    Returns:
        The exit code, and what the screen was sent.
    """
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "stonegate", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"} | (environ or {}),
        close_fds=True,
    )
    os.close(terminal)
    sent, deadline = b"", time.monotonic() + SECONDS
    try:
        while time.monotonic() < deadline:
            if select.select([screen], [], [], 0.1)[0]:
                try:
                    part = os.read(screen, 65536)
                except OSError:  # the other end is closed
                    break
                if not part:
                    break
                sent += part
                if answer and b"[y/N]" in sent:
                    os.write(screen, answer.encode())
                    answer = ""
        return process.wait(timeout=SECONDS), sent.decode()
    finally:
        process.kill()
        process.wait()
        os.close(screen)


@pytest.mark.parametrize(("answer", "is_there"), [("n\n", False), ("\n", False), ("what?\ny\n", True), ("yes\n", True)])
def test_apply_shows_the_plan_and_asks(notes: Path, database: Database, answer: str, is_there: bool) -> None:
    code, screen = on_terminal("apply", "-d", database.url, "--report", "report.json", answer=answer)
    text = ESCAPES.sub("", screen)
    assert code == (0 if is_there else 4) and "+ table notes" in text and f"Apply this plan to {database.name}?" in text
    assert ("1 table, 1 routine created" in text) is is_there
    assert ("nothing was changed" in text) is not is_there
    assert json.loads(Path("report.json").read_text())["status"] == ("applied" if is_there else "failed")
    assert database.rows("SELECT to_regclass('notes') IS NOT NULL") == [(is_there,)]


def test_yes_and_nothing_to_do_do_not_ask(notes: Path, database: Database) -> None:
    for _ in range(2):
        code, screen = on_terminal("apply", "-d", database.url, "--yes")
        assert code == 0 and "[y/N]" not in screen
    code, screen = on_terminal("apply", "-d", database.url)
    assert code == 0 and "[y/N]" not in screen and "unchanged" in screen


def test_colours_are_for_terminals_that_want_them(notes: Path) -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9]m")
    assert colour.search(on_terminal("plan")[1])
    assert not colour.search(on_terminal("plan", environ={"NO_COLOR": "1"})[1])
    assert "\x1b" not in on_terminal("plan", environ={"TERM": "dumb"})[1]
    piped = subprocess.run(
        [sys.executable, "-m", "stonegate", "plan"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"FORCE_COLOR": "1"},
    )
    assert "\x1b" not in piped.stdout + piped.stderr


@pytest.mark.parametrize(
    ("command", "code", "err"),
    [
        ("plan >&-", 0, ""),
        ("plan --format json <&- 2>&-", 0, ""),
        ("plan >/dev/full", 2, "cannot write to standard output\n  cause: No space left on device"),
        ("plan nowhere --format json >/dev/full", 2, "cannot write to standard output"),
        ("--help >/dev/full", 2, "cannot write to standard output\n  cause: No space left on device"),
        ("--version >/dev/full", 2, "cannot write to standard output"),
        ("plan nowhere --format json | true", 0, ""),
        ("--show-completion", 0, ""),
    ],
)
def test_streams_that_take_nothing(notes: Path, command: str, code: int, err: str) -> None:
    # With something behind it bash stays, and completion finds out which shell this is.
    script = f"{sys.executable} -m stonegate {command}; exit $?"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == code and err in done.stderr
    assert "unexpected" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_device_that_is_full_in_the_middle(notes: Path, unbuffered: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; {sys.executable} -m stonegate plan -v --format json >plan.json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )
    assert done.returncode == 2 and "cannot write to standard output\n  cause: File too large" in done.stderr


def test_json_on_a_terminal_is_json_and_nothing_else(notes: Path, database: Database) -> None:
    code, screen = on_terminal("apply", "-d", database.url, "--format", "json")
    assert code == 0 and "[y/N]" not in screen
    assert '"status": "applied"' in screen


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_rolls_back(notes: Path, database: Database, sent: signal.Signals) -> None:
    """The interrupt arrives while a seeder sleeps inside the transaction."""
    (notes / "seeders" / "notes.pssql").write_text(
        "INSERT INTO notes (title) SELECT 'x' FROM (SELECT pg_sleep(30)) AS slow;\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "stonegate", "apply", "-d", database.url, "--format", "json", "--report", "report.json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        deadline = time.monotonic() + SECONDS
        while database.rows(asleep) == [(0,)] and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(sent)
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 130 and err.strip() == "interrupted: what was under way was rolled back"
        assert json.loads(out)["error"] == "interrupted"
        report = json.loads((notes.parent / "report.json").read_text())
        assert (report["status"], report["error"]["code"]) == ("failed", "interrupted")
        assert database.rows("SELECT to_regclass('notes')") == [(None,)]
    finally:
        process.kill()
        process.wait()
