"""`stonegate platform`: who has databases here, from which folders, and as which role."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from typing import Annotated, TypeAlias

import typer
from rich.text import Text

from stonegate.cli import options
from stonegate.cli.commands import Commands
from stonegate.cli.fleet import open_registry, store_folder
from stonegate.cli.output import expect_json, progress, say, show, stdout, warn, write_json
from stonegate.cli.render.lines import table
from stonegate.cli.render.names import local_time
from stonegate.cli.tenant import show_databases
from stonegate.errors import UsageError
from stonegate.settings import read_settings

PASSWORD_VARIABLE = "STONEGATE_PLATFORM_PASSWORD"

app = Commands(
    name="platform",
    help="Platforms: each has its databases, its stored folders and, if it shall, a role of its own.",
)

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The platform.")]
PasswordStdin: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        help=f"Read the role's password from standard input; else {PASSWORD_VARIABLE}, else it is generated.",
    ),
]


@app.command()
def register(
    name: Name,
    db_user: Annotated[
        str | None,
        typer.Option("--db-user", metavar="ROLE", help="A role of its own, made unless it exists; owns its databases."),
    ] = None,
    password_stdin: PasswordStdin = False,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Add a platform."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings()
    from stonegate.fleet.credentials import register_platform

    if password_stdin and db_user is None:
        raise UsageError("--password-stdin is the password of a role, and none is named", hint="--db-user ROLE")
    password = _read_password(password_stdin) if db_user is not None else None
    with progress(f"registering {name}"):
        record = asyncio.run(
            register_platform(open_registry(settings), settings.server_conninfo, name, user=db_user, password=password)
        )
    if as_json:
        write_json({"status": "registered", "platform": name, "has_dedicated_credentials": record.login is not None})
        return
    role = "" if record.login is None else f", with the role {record.login.user}"
    show(Text.assemble(("✓ ", "bold green"), f"platform {name} registered{role}"))


@app.command("list")
def list_(format: options.Format = options.ReportFormat.TEXT) -> None:
    """List the platforms."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    registry = open_registry(read_settings())
    records = registry.platforms()
    if as_json:
        write_json(
            [
                {
                    "name": record.name,
                    "created_at": record.created_at,
                    "db_user": None if record.login is None else record.login.user,
                    "schemas": [schema.name for schema in record.schemas],
                    "databases": len(record.databases),
                }
                for record in records
            ]
        )
    elif not records:
        show(Text("no platforms"))
    else:
        rows = [
            (
                record.name,
                "" if record.login is None else record.login.user,
                ", ".join(schema.name for schema in record.schemas),
                str(len(record.databases)),
                local_time(record.created_at),
            )
            for record in records
        ]
        show(*table(stdout(), ("platform", "role", "schemas", "databases", "since"), rows, numeric=(3,)))


@app.command()
def upload(
    name: Name,
    folder: options.Folder = None,
    schema: Annotated[str, typer.Option("--schema", metavar="NAME", help="What the folder is called.")] = "",
    scope: options.Scope = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Store a folder for a platform: what its new tenants are made from. Nothing is deployed.

    It is checked as by `stonegate check`; one that cannot be put in order is not stored.
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    if not schema:
        raise UsageError("the folder needs a name", hint="--schema NAME")
    settings = read_settings({"folder": folder, "scope": scope})
    with progress(f"storing {settings.folder}"):
        stored = store_folder(settings, name, schema, settings.folder, settings.scope)
    digest = stored.read.digest
    warn(stored.warnings)
    if as_json:
        write_json({"status": "registered", "platform": name, "schema": schema, "digest": digest})
        return
    show(Text.assemble(("✓ ", "bold green"), f"{settings.folder} stored as {name}/{schema}, digest {digest[:12]}"))
    place = f"--platform {shlex.quote(name)} --schema {shlex.quote(schema)}"
    if any(record.owner.schema == schema for record in open_registry(settings).platform(name).databases):
        say(f"deploy it: stonegate apply {place}")
    else:
        say(f"make tenants of it: stonegate tenant create ID {place}")


@app.command()
def schemas(name: Name, format: options.Format = options.ReportFormat.TEXT) -> None:
    """List the stored folders of a platform."""
    from stonegate.fleet.stored_folders import stored_schemas

    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    registry = open_registry(read_settings())
    stored = stored_schemas(registry, name)
    if as_json:
        write_json(stored)
    elif not stored:
        show(Text("no stored folders"))
    else:
        databases = registry.platform(name).databases
        rows = [
            (
                each.name,
                each.scope or "",
                (each.digest or "")[:12],
                str(sum(record.owner.schema == each.name for record in databases)),
            )
            for each in stored
        ]
        show(*table(stdout(), ("schema", "scope", "digest", "databases"), rows, numeric=(3,)))


@app.command()
def databases(
    name: Name,
    schema: Annotated[
        str | None, typer.Option("--schema", metavar="NAME", help="Only those made of this stored folder.")
    ] = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """List the databases of a platform, from the records."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    show_databases(read_settings(), name, schema, as_json=as_json)


@app.command()
def adopt(
    name: Name,
    database: Annotated[str, typer.Argument(metavar="DATABASE", help="A database that exists.")],
    schema: Annotated[str | None, typer.Option("--schema", metavar="NAME", help="Its schema, if it has one.")] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="ID", help="Its tenant; else as the name says.")
    ] = None,
    former: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PLATFORM",
            help="It was adopted by mistake, for that platform, or NAME's other tenant.",
        ),
    ] = None,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Make a database the platform's: label it, record it, let PUBLIC in no more.

    A platform with a role of its own gets the database and all that is in it. Without --tenant the tenant is told by
    the name, where it begins with the platform's; any other name is that of the platform's own database.
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings()
    from stonegate.fleet.adoption import adopt_database, guess_owner
    from stonegate.fleet.names import v1_owner, v2_owner
    from stonegate.fleet.stored_folders import stored_schemas

    registry = open_registry(settings)
    registry.platform(name)  # over HTTP platforms come with their first database; here it would be a slip of the pen
    stored = [each.name for each in stored_schemas(registry, name)]
    if schema is not None:
        owner = v2_owner(name, schema, tenant)
    elif tenant is not None:
        owner = v1_owner(name, tenant)
    else:
        owner = guess_owner(name, database, stored)
    with progress(f"adopting {database}"):
        record = asyncio.run(adopt_database(registry, settings.server_conninfo, owner, database, former=former))
    if as_json:
        write_json(
            {
                "status": "adopted",
                "platform": name,
                "database": database,
                "id": record.id,
                "schema": record.owner.schema,
            }
        )
        return
    show(Text.assemble(("✓ ", "bold green"), f"{database} belongs to {record.owner}"))
    if schema is not None and schema not in stored:
        say(f"{name} has no stored folder {schema}; if another one was meant: adopt it again, with --from {name}")
        say(f"store it: stonegate platform upload {shlex.quote(name)} FOLDER --schema {shlex.quote(schema)}")


@app.command()
def forget(
    name: Name,
    database: Annotated[str, typer.Argument(metavar="DATABASE", help="A database that is gone.")],
    keep_database: Annotated[
        bool, typer.Option("--keep-database", help="It may be there, and stays as it is: the server is not asked.")
    ] = False,
    format: options.Format = options.ReportFormat.TEXT,
) -> None:
    """Take one database out of the platform's records, as one that somebody dropped by hand.

    Nothing else is touched. It is refused where the server has the database.
    """
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings()
    from stonegate.fleet.adoption import forget_database

    server = None if keep_database else settings.server_conninfo
    with progress(f"looking for {database}"):
        record = asyncio.run(forget_database(open_registry(settings), server, name, database))
    if as_json:
        schema = record.owner.schema
        write_json({"status": "forgotten", "platform": name, "database": database, "id": record.id, "schema": schema})
        return
    show(Text.assemble(("✓ ", "bold green"), f"{database} is forgotten; it was that of {record.owner}"))
    if keep_database:
        say(f"if it is there: a call for its tenant may record it again, and so does {record.owner.adopting(database)}")


@app.command()
def rotate(
    name: Name, password_stdin: PasswordStdin = False, format: options.Format = options.ReportFormat.TEXT
) -> None:
    """Give the platform's role another password; nothing that runs is interrupted."""
    as_json = expect_json(wanted=format is options.ReportFormat.JSON)
    settings = read_settings()
    from stonegate.fleet.credentials import rotate_password

    password = _read_password(password_stdin)
    with progress(f"changing the password of {name}"):
        asyncio.run(rotate_password(open_registry(settings), settings.server_conninfo, name, password))
    if as_json:
        write_json({"status": "rotated", "platform": name})
        return
    show(Text.assemble(("✓ ", "bold green"), f"the role of {name} has another password"))


def _read_password(from_stdin: bool) -> str | None:
    """The password that was given; never on the command line, which everybody on the machine can read."""
    if not from_stdin:
        return os.environ.get(PASSWORD_VARIABLE) or None
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise UsageError("standard input holds no password", hint="echo … | stonegate platform … --password-stdin")
    return password
