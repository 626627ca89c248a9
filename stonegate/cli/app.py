"""The `stonegate` command: its groups of commands, and what becomes of every failure (behaviour, §8)."""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import typer
from typer.exceptions import TyperException

from stonegate import __version__
from stonegate.cli import (
    apply,
    call,
    check,
    diff,
    embedded,
    explain,
    graph,
    init,
    pack,
    plan,
    platform,
    reference,
    serve,
    status,
    tenant,
    types,
)
from stonegate.cli.commands import Commands
from stonegate.cli.output import (
    abandon_results,
    expect_json,
    flush_results,
    json_expected,
    make_writable,
    print_lines,
    say,
    stderr,
    warn,
    write,
    write_json,
)
from stonegate.cli.render.failure import (
    INTERRUPTED,
    INTERRUPTION,
    TRACEBACK,
    failure_document,
    render_failure,
    unexpected,
)
from stonegate.errors import StonegateError, UsageError
from stonegate.settings import unknown_variables

PIPE_CLOSED = 141  # as shells report SIGPIPE

app = Commands(
    name="stonegate",
    help="Deploys a postgresql/ folder to one database or to hundreds of tenants: plan, apply, verify, and serve its "
    "functions over HTTP.",
    epilog="Exit codes: 0 done · 1 changes pending (plan --exit-code) · 2 usage · 3 the folder is wrong · 4 blocked · "
    "5 drift or a stale plan · 6 database error · 7 some of a fleet failed",
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

DEPLOY, LOOK, FLEET, TOOLS = "Deploy", "Look", "Fleet", "Tools"

app.command("plan", rich_help_panel=DEPLOY)(plan.plan)
app.command("apply", rich_help_panel=DEPLOY)(apply.apply)
app.command("check", rich_help_panel=DEPLOY)(check.check)
app.command("diff", rich_help_panel=LOOK)(diff.diff)
app.command("status", rich_help_panel=LOOK)(status.status)
app.command("history", rich_help_panel=LOOK)(status.history)
app.command("graph", rich_help_panel=LOOK)(graph.graph)
app.command("types", rich_help_panel=LOOK)(types.types)
app.command("explain", rich_help_panel=LOOK)(explain.explain)
# -1 is an argument; `call` itself refuses what looks like an option.
app.command("call", rich_help_panel=TOOLS, context_settings={"ignore_unknown_options": True})(call.call)
app.command("pack", rich_help_panel=TOOLS)(pack.pack)
app.command("init", rich_help_panel=TOOLS)(init.init)
app.command("serve", rich_help_panel=TOOLS)(serve.serve)
app.add_typer(embedded.app, name="embedded", rich_help_panel=TOOLS)
app.add_typer(platform.app, name="platform", rich_help_panel=FLEET)
app.add_typer(tenant.app, name="tenant", rich_help_panel=FLEET)
app.add_typer(reference.app, name="reference", rich_help_panel=TOOLS)


def _print_version(wanted: bool) -> None:
    if wanted:
        write(f"stonegate {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("-V", "--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
    if context.invoked_subcommand != "serve":  # the gateway tells its log
        warn(unknown_variables())


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; a user's mistake never ends in a traceback.

    Args:
        argv: without the program's name; None for `sys.argv`.
    """
    make_writable()
    # psycopg warns of connections that it closes on the way out; what that means for a command, the command says.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    try:
        return _run(sys.argv[1:] if argv is None else list(argv))
    except BrokenPipeError:  # whoever read the output has seen enough
        abandon_results()
        return PIPE_CLOSED
    except UsageError as error:  # a failure was to be told, and standard output takes no more
        return report_failure(error)


def _run(arguments: list[str]) -> int:
    """Run a command line; the exit code, of a failure too, which is told.

    Raises:
        BrokenPipeError, UsageError: as `flush_results`, when a failure is told.
    """
    expect_json(wanted=_asks_for_json(arguments))  # the command says so itself, if it comes to that
    try:
        code = typer.main.get_command(app).main(args=arguments, prog_name="stonegate", standalone_mode=False)
        flush_results()
        if code == INTERRUPTED:  # typer catches the interrupt, and says nothing
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except StonegateError as error:
        return report_failure(error)
    except TyperException as error:
        return _report_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        if json_expected():
            write_json(INTERRUPTION)
        say(INTERRUPTION["message"])
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except SystemExit as end:
        if not end.code:  # shell completion ends like this
            return 0
        raise BrokenPipeError from end  # which typer turns into this
    except Exception as error:
        return _report_bug(error)


def report_failure(error: StonegateError) -> int:
    """Print the error for people on standard error, and as JSON where that was asked for; its exit code."""
    if json_expected():
        write_json(failure_document(error))
    console = stderr()
    print_lines(console, render_failure(console, error))
    return error.exit_code


#: What the library that typer reads values with says, in the words of all other errors.
_PLAINLY = (
    (r"Value error, ", ""),
    (r"Got unexpected extra argument\(s\) \((.*)\)", r"too many arguments: \1"),
    (r"Input should be a valid integer\b.*", "not a whole number"),
    (r"Input should be a valid number\b.*", "not a number"),
    (r"Input should be greater than or equal to ", "must be at least "),
    (r"Input should be less than or equal to ", "must be at most "),
)
#: The commands or options that it takes a mistyped one for.
_MEANT = re.compile(r"(?:\. Did you mean | \(Possible options: )([^?)]+)[?)]$")


def _report_usage(error: TyperException) -> int:
    """What typer says about the command line, in the style of all other errors."""
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    for pattern, words in _PLAINLY:
        message = re.sub(pattern, words, message)
    if not message:  # the help of a group was printed instead
        return UsageError.exit_code
    hint = f"{context.command_path if context is not None else 'stonegate'} --help"
    if meant := _MEANT.search(message):
        words = meant[1].replace("'", "").replace(", ", " or ")
        message, hint = message[: meant.start()], f"did you mean {words}?"
    return report_failure(UsageError(message[:1].lower() + message[1:], hint=hint))


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """True if the command line says --format json, whatever else is wrong with it."""
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)


def _report_bug(error: Exception) -> int:
    if os.environ.get(TRACEBACK):
        traceback.print_exc()
    return report_failure(unexpected(error))
