"""The console script: answers `--version` by itself, and starts the command line for everything else."""

from __future__ import annotations

import contextlib
import signal
import sys

from stonegate import __version__
from stonegate.collector import look_seldom_for_cycles


def main() -> int:
    """Run the command in `sys.argv` and return its exit code (behaviour, §8).

    The command line imports typer, pglast, psycopg and starlette, which takes half a second; a version is asked for by
    scripts and health checks and must not wait for that.
    """
    if sys.argv[1:] in (["--version"], ["-V"]):
        with contextlib.suppress(OSError):  # then the command line says what is wrong with standard output
            print(f"stonegate {__version__}", flush=True)
            return 0
    look_seldom_for_cycles()
    # What orchestrators and lost terminals send: a deployment rolls back, and a database that it made goes, as after
    # Ctrl-C. What it was started to ignore (nohup) it ignores.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        from stonegate.cli import main as run_command

        return run_command()
    except KeyboardInterrupt:  # before the command line can say so, or after it has said all
        print("interrupted", file=sys.stderr)
        return 130  # as the command line does


if __name__ == "__main__":
    sys.exit(main())
