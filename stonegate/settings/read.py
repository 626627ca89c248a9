"""Where settings come from: flags > environment > `.env` > `stonegate.toml` > defaults.

An empty or blank value counts as not set, so `ADMIN_TOKEN=${ADMIN_TOKEN}` of a compose file does no harm. `.env` and
`stonegate.toml` are those of the current directory. Secrets have no place in `stonegate.toml`, which gets committed.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stonegate.errors import UsageError
from stonegate.model.mistyped import did_you_mean
from stonegate.settings.dotenv import parse_dotenv
from stonegate.settings.table import Setting, Settings, every_setting

CONFIG_FILE = "stonegate.toml"
ENV_FILE = ".env"


def read_settings(
    flags: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    directory: Path = Path(),
    gateway: bool = False,
) -> Settings:
    """The settings in force.

    Args:
        flags: by field name; None is a flag that was not given.
        gateway: read those of `stonegate serve` too; a RUST_LOG that is meant for others must not stop a `plan`.
        environ: the environment; None for the process's own.
        directory: where `.env` and `stonegate.toml` are looked for.

    Raises:
        UsageError: an invalid value or an unknown key of stonegate.toml; names the setting and where it stands.
    """
    environment = os.environ if environ is None else environ
    dotenv = read_dotenv(directory)
    config = _read_config(directory / CONFIG_FILE)
    values: dict[str, Any] = {}
    for setting in every_setting():
        if setting.section == "serve" and not gateway:
            continue
        layers = (
            *((name, environment.get(name), "the environment") for name in setting.env),
            *((name, dotenv.get(name), ENV_FILE) for name in setting.env),
            (setting.toml, config.get(setting.toml), CONFIG_FILE),
        )
        for name, text, place in layers:
            if text := (text or "").strip():
                values[setting.name] = _parse(setting, name, text, place)
                break
    values |= {name: value for name, value in (flags or {}).items() if value is not None}
    return Settings(**values)


def read_dotenv(directory: Path) -> dict[str, str]:
    """The values of a directory's `.env` by name, none if there is no such file.

    Raises:
        UsageError: it cannot be read.
    """
    return parse_dotenv(_read_text(directory / ENV_FILE), ENV_FILE)


def _parse(setting: Setting, name: str, text: str, place: str) -> object:
    try:
        return setting.parse(text)
    except ValueError as error:
        shown = "" if setting.secret else f" ({text})"
        raise UsageError(
            f"setting {name} in {place} is invalid: {error}{shown}", hint=f"{name}: {setting.help}"
        ) from None


def _read_config(path: Path) -> dict[str, str]:
    """stonegate.toml as texts by "section.key"."""
    known = [setting.toml for setting in every_setting() if setting.toml]
    try:
        document = tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        hint = 'sections stand in brackets, texts in quotes: [target], and below it database = "shop"'
        raise UsageError(f"{path.name} cannot be read as TOML", cause=str(error), hint=hint) from None
    found: dict[str, str] = {}
    for section, content in document.items():
        keys = content.items() if isinstance(content, dict) else ((None, content),)
        for key, value in keys:
            name = section if key is None else f"{section}.{key}"
            if name not in known:
                raise UsageError(f"{path.name}: no such setting: {name}", hint=_suggest(name, known))
            found[name] = _as_text(name, value, path)
    return found


def _suggest(name: str, known: list[str]) -> str:
    section, _, key = name.partition(".")
    if "password" in key or "token" in key:
        return "secrets belong into the environment or .env: this file gets committed"
    inside = [each.partition(".")[2] for each in known if each.startswith(f"{section}.")]
    if not inside:
        sections = [f"[{each}]" for each in dict.fromkeys(each.split(".")[0] for each in known)]
        return did_you_mean(f"[{section}]", sections, f"sections: {', '.join(sections)}")
    return did_you_mean(key, inside, f"[{section}] has {', '.join(inside)}")


def _as_text(name: str, value: object, path: Path) -> str:
    match value:
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(part, str) for part in value):
            return ",".join(value)
        case _:
            raise UsageError(f"setting {name} in {path.name} is invalid: a text, number or boolean is expected")


def _read_text(path: Path) -> str:
    """The file's text, "" if there is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise UsageError(f"cannot read {path.name}", cause=error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path.name} is no UTF-8", hint="save it as UTF-8") from None
