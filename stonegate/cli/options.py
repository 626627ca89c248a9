"""The options that several commands share, each declared once with its help text (behaviour, §8)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from msgspec import Struct

from stonegate.settings import seconds

SOURCE = "Folder"
TARGET = "Target"
CONSENT = "Consent"
OUTPUT = "Output"


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    JSON = "json"
    SQL = "sql"
    MARKDOWN = "markdown"


class ReportFormat(StrEnum):
    """How everything else is printed."""

    TEXT = "text"
    JSON = "json"


def one_of(*values: str) -> Callable[[str | None], str | None]:
    """A check for options whose value is in the settings too, where it is a text."""

    def check(value: str | None) -> str | None:
        if value is not None and value not in values:
            raise typer.BadParameter(f"{value} is not one of {', '.join(values)}")
        return value

    return check


# --- the folder -----------------------------------------------------------------------------------------------------

Folder: TypeAlias = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER",
        help="The folder or .tar.gz archive; postgresql/ if not given.",
        show_default=False,
        readable=False,  # reading it says so, and that the folder is wrong
    ),
]
Scope: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--scope",
        metavar="main|tenant",
        help="Which half of a folder that holds main/, tenant/ and shared directories.",
        callback=one_of("main", "tenant"),
        rich_help_panel=SOURCE,
    ),
]

# --- the target -----------------------------------------------------------------------------------------------------

Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "-d",
        "--database",
        metavar="URL|NAME",
        help="A libpq URL or conninfo (service=… too); or the NAME of a database on the server of --embedded, "
        "DATABASE_URL, DB_* or PG*.",
        rich_help_panel=TARGET,
    ),
]
Embedded: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--embedded",
        help="On a private PostgreSQL under .stonegate/, started if need be. The database is named after the folder "
        "(that of todos/postgresql is todos), or by -d NAME.",
        rich_help_panel=TARGET,
    ),
]
Platform: TypeAlias = Annotated[
    str | None,
    typer.Option("--platform", metavar="NAME", help="The databases of a platform.", rich_help_panel=TARGET),
]
Tenant: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--tenant",
        metavar="ID",
        help="Only this tenant of the platform, by id or database; a comma list or a pattern ('a*') for several.",
        rich_help_panel=TARGET,
    ),
]
Schema: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--schema", metavar="NAME", help="Only its databases made of this stored folder.", rich_help_panel=TARGET
    ),
]
Every: TypeAlias = Annotated[bool, typer.Option("--all", help="All databases of the platform.", rich_help_panel=TARGET)]
Shadow: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--shadow",
        metavar="URL|embedded",
        help="Build the reference database there, not on the target's server.",
        rich_help_panel=TARGET,
    ),
]

# --- consent --------------------------------------------------------------------------------------------------------

Allow: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="TOKEN[:OBJECT]",
        help="Consent to a kind of change, or to one: drop_column:users.legacy. May be repeated; `stonegate explain "
        "TOKEN` says what it means.",
        rich_help_panel=CONSENT,
    ),
]
Force: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Consent to everything but drift and drops of what nobody declared.",
        rich_help_panel=CONSENT,
    ),
]
AllowDrift: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-drift", help="Overwrite what was changed by hand.", rich_help_panel=CONSENT),
]
Baseline: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--baseline",
        help="Take over a database that has the objects but no records: record them, run no migration.",
        rich_help_panel=CONSENT,
    ),
]
SeedMissing: TypeAlias = Annotated[
    bool,
    typer.Option("--seed-missing", help="Insert declared rows that existing tables lack.", rich_help_panel=CONSENT),
]
StrictContract: TypeAlias = Annotated[
    bool,
    typer.Option("--strict-contract", help="Block what breaks callers of a function.", rich_help_panel=CONSENT),
]

# --- limits ---------------------------------------------------------------------------------------------------------

LockTimeout: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--lock-timeout",
        metavar="S",
        parser=seconds,
        help="Seconds that a statement waits for a lock (or 500ms, 2min); 5 if not set.",
        show_default=False,
    ),
]
StatementTimeout: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--statement-timeout",
        metavar="S",
        parser=seconds,
        help="Seconds that a statement may take; 0 if not set, which is no limit.",
        show_default=False,
    ),
]

FLEET = "Fleet"

Concurrency: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        metavar="N",
        min=1,
        help="Databases at a time; 8 if not set.",
        show_default=False,
        rich_help_panel=FLEET,
    ),
]
MaxConnections: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--max-connections",
        metavar="N",
        min=4,
        help="Sessions at a time, 4 at least, whatever --concurrency says; 32 if not set.",
        show_default=False,
        rich_help_panel=FLEET,
    ),
]
Canary: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--canary",
        metavar="TENANT|N",
        help="This tenant (or its database), or that many, first; the others only if all goes well. One that is "
        "unreachable, locked or drifted hands the role on.",
        rich_help_panel=FLEET,
    ),
]
OnError: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--on-error",
        metavar="stop|continue",
        help="After a failed database; continue if not set.",
        show_default=False,
        rich_help_panel=FLEET,
        callback=one_of("stop", "continue"),
    ),
]

# --- apply ----------------------------------------------------------------------------------------------------------

SavedPlan: TypeAlias = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Carry out this saved plan; needs no FOLDER.")
]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Do all of it, and roll it back.")]
Yes: TypeAlias = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
SkipVerification: TypeAlias = Annotated[
    bool, typer.Option("--skip-verification", help="Commit without reading the database again.")
]
Report: TypeAlias = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write the JSON report too.", rich_help_panel=OUTPUT),
]

# --- plan -----------------------------------------------------------------------------------------------------------

Preflight: TypeAlias = Annotated[
    bool, typer.Option("--preflight", help="Look for rows that would make it fail.", rich_help_panel=TARGET)
]
PlanOutput: TypeAlias = Annotated[
    PlanFormat,
    typer.Option(
        "--format",
        help="text for people, json for programs and --plan, sql for psql -1 -f, markdown for a pull request.",
        rich_help_panel=OUTPUT,
    ),
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Save it for apply --plan.", rich_help_panel=OUTPUT),
]
ExitCode: TypeAlias = Annotated[
    bool, typer.Option("--exit-code", help="Exit with 1 if there is something to do.", rich_help_panel=OUTPUT)
]

# --- output ---------------------------------------------------------------------------------------------------------

Format: TypeAlias = Annotated[
    ReportFormat, typer.Option("--format", help="text for people, json for programs.", rich_help_panel=OUTPUT)
]
Verbose: TypeAlias = Annotated[
    bool,
    typer.Option("-v", "--verbose", help="All SQL, and what is left as it is.", rich_help_panel=OUTPUT),
]
EveryName: TypeAlias = Annotated[
    bool,
    typer.Option(
        "-v", "--verbose", help="Name all that nobody declared, and every database of several.", rich_help_panel=OUTPUT
    ),
]

# --- what belongs together ------------------------------------------------------------------------------------------


class SourceOptions(Struct, frozen=True, kw_only=True):
    """Which folder, and where it is built for comparison."""

    folder: Folder = None
    scope: Scope = None
    shadow: Shadow = None


class LimitOptions(Struct, frozen=True, kw_only=True):
    """How long a deployment may take, and how many databases are deployed at a time."""

    lock_timeout: LockTimeout = None
    statement_timeout: StatementTimeout = None
    concurrency: Concurrency = None
    max_connections: MaxConnections = None
    canary: Canary = None
    on_error: OnError = None
