"""`stonegate --version` answers without the libraries that the other commands need."""

from __future__ import annotations

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
