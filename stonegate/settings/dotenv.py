"""Files like `.env`: `NAME=value` lines, with `export`, quotes and comments as shells and docker compose know them."""

from __future__ import annotations

import re

from stonegate.errors import UsageError


def parse_dotenv(text: str, file: str) -> dict[str, str]:
    """The values by name.

    Args:
        file: its name, for messages.

    Raises:
        UsageError: a line is none of these.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip().removeprefix("export ").lstrip()
        if not line or line.startswith("#"):
            continue
        parts = re.fullmatch(r"([A-Za-z_]\w*)\s*=\s*(.*)", line)
        if parts is None:
            raise UsageError(f"{file}:{number} is no NAME=value line", hint="comments start with #")
        if parts[2][:1] in ('"', "'") and parts[2][0] not in parts[2][1:]:
            raise UsageError(f"{file}:{number}: the quote of {parts[1]} is not closed", hint="a value is on one line")
        found[parts[1]] = _unquote(parts[2])
    return found


def _unquote(text: str) -> str:
    quoted = re.fullmatch(r"""(?:"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(?:#.*)?""", text)
    if quoted is None:
        return re.split(r"\s+#", text, maxsplit=1)[0].strip()
    return quoted[2] if quoted[1] is None else re.sub(r"\\(.)", r"\1", quoted[1])
