"""Variables that look like settings and are none: a mistyped one would be as if nobody had set it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from stonegate.errors import UsageError
from stonegate.model.mistyped import nearest_words
from stonegate.settings.read import ENV_FILE, read_dotenv
from stonegate.settings.table import every_setting

_PREFIX = "STONEGATE_"
#: What has its meaning elsewhere: in commands, in the units under deploy/, in the tests; and what Kubernetes puts into
#: the environment of each pod beside a service named "stonegate".
_ELSEWHERE = re.compile(
    r"TRACEBACK|PLATFORM_PASSWORD|TENANT_OPTIONS|POSTGRES_\d+|SEED|EXAMPLES|LOAD_SECONDS|PIPELINE_CALLS"
    r"|(\w+_)?SERVICE_(HOST|PORT(_\w+)?)|(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_\w+)?"
)


def unknown_variables(environ: Mapping[str, str] | None = None, directory: Path = Path()) -> Iterator[str]:
    """A warning for each variable whose name begins with STONEGATE_ and means nothing, in the order of the names.

    Args:
        environ: the environment; None for the process's own.
        directory: where `.env` is looked for; one that cannot be read is left to `read_settings`.
    """
    try:
        dotenv = read_dotenv(directory)
    except UsageError:
        dotenv = {}
    environment = os.environ if environ is None else environ
    known = _known()
    for name, value in sorted((dotenv | dict(environment)).items()):
        rest = name.removeprefix(_PREFIX)
        if name in known.values() or rest == name or _ELSEWHERE.fullmatch(rest) or value.startswith("tcp://"):
            continue
        meant = dict.fromkeys(known[each] for each in nearest_words(rest, known))
        hint = f"did you mean {' or '.join(meant)}?" if meant else "README.md lists the settings"
        place = "the environment" if name in environment else ENV_FILE
        yield f"{name} in {place} is no setting, and is ignored: {hint}"


def _known() -> dict[str, str]:
    """The settings' variables by all that may stand behind STONEGATE_ in their place: their field, and their name."""
    return {
        alias: setting.env[0]
        for setting in every_setting()
        for alias in (setting.name.upper(), *(name.removeprefix(_PREFIX) for name in setting.env))
    }
