"""`stonegate --version` answers without the libraries that the other commands need."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

import stonegate

HEAVY = {"typer", "pglast", "psycopg", "starlette", "rich"}


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_needs_no_library(option: str) -> None:
    code = f"""
import sys
from stonegate.__main__ import main
sys.argv = ["stonegate", {option!r}]
code = main()
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {HEAVY!r}))
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"stonegate {stonegate.__version__}", ""]


def test_an_interrupt_while_the_libraries_are_loaded_is_no_traceback() -> None:
    code = f"""
import signal, sys
from stonegate.__main__ import main

class Interrupted:
    def find_spec(self, name, path, target=None):
        if name == "typer":
            signal.raise_signal(signal.{signal.SIGINT.name})

sys.meta_path.insert(0, Interrupted())
sys.argv = ["stonegate", "check"]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
