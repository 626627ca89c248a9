"""The README's tables are what the code says; `python -m tests.test_readme` writes them anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from typer.main import get_command

from stonegate.cli.app import app
from stonegate.errors import every_error
from stonegate.gateway.app import ENDPOINTS
from stonegate.model.consent import ConsentToken
from stonegate.planner.classify.hazards import HAZARDS
from stonegate.planner.explain import explain
from stonegate.settings import Setting, every_setting

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = (README, ROOT / "examples/todos/README.md", ROOT / "examples/clinic/README.md")


def hazards() -> Iterator[str]:
    yield from ("| code | what it says |", "|---|---|")
    yield from (f"| `{code}` | {explain(code).title} |" for code in HAZARDS)


def errors() -> Iterator[str]:
    yield from ("| code | HTTP | exit | meaning |", "|---|---|---|---|")
    for error in every_error():
        meaning = " ".join((error.__doc__ or "").partition("\n\n")[0].split())
        told = "" if error.http_code in (None, error.code) else f" as `{error.http_code}`"
        yield f"| `{error.code}` | {error.status}{told} | {error.exit_code} | {meaning} |"


def settings() -> Iterator[str]:
    yield from ("| environment | stonegate.toml | default | meaning |", "|---|---|---|---|")
    for setting in every_setting():
        names = ", ".join(f"`{name}`" for name in setting.env)
        key = f"`{setting.toml}`" if setting.toml else "–"
        yield f"| {names} | {key} | {_default(setting)} | {setting.help} |"


def _default(setting: Setting) -> str:
    match setting.default:
        case None | ():
            return "–"
        case bool() as value:
            return f"`{str(value).lower()}`"
        case float() as value:
            return f"`{value:g}`"
        case tuple() as values:
            networks = [str(value) for value in values if isinstance(value, IPv4Network | IPv6Network)]
            assert len(networks) == len(values), setting.name
            return f"`{','.join(networks)}`"
        case value:
            return f"`{value}`"


def endpoints() -> Iterator[str]:
    yield from ("| request | what for |", "|---|---|")
    yield "| `POST /call` | Call a function and get its rows |"
    yield from (f"| `{each.method} {each.path}` | {each.summary} |" for each in ENDPOINTS)
    yield "| `GET /openapi.json`, `GET /docs` | The description of all of these |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "hazards": hazards,
    "errors": errors,
    "settings": settings,
    "endpoints": endpoints,
}


def _table(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- table: {name} -->\n).*?(?=<!-- end of table -->)", re.DOTALL)


def _written(name: str) -> list[str]:
    found = _table(name).search(README.read_text(encoding="utf-8"))
    assert found is not None, f"README.md has no place for the table of {name}"
    return found[0].strip().splitlines()


@pytest.mark.parametrize("name", TABLES)
def test_table_is_what_the_code_says(name: str) -> None:
    assert _written(name) == list(TABLES[name]()), "python -m tests.test_readme writes it anew"


def test_every_consent_token_is_listed() -> None:
    section = README.read_text(encoding="utf-8").partition("## Changes and consent")[2].partition("\n## ")[0]
    assert {token for token in ConsentToken if f"`{token}`" not in section} == set()


def test_every_command_is_listed() -> None:
    text = README.read_text(encoding="utf-8")
    command = get_command(app)
    names = sorted(getattr(command, "commands"))  # noqa: B009 - a Group, whatever typer's stubs call it
    assert [name for name in names if f"`stonegate {name}" not in text] == []


def test_options_that_the_pages_mention_exist() -> None:
    known = {"--yes", "--help", "--single-transaction", "--strict", "--version"} | set(_options(get_command(app)))
    for page in PAGES:
        mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text(encoding="utf-8")))
        assert mentioned - known == set(), page.name


def test_every_option_is_listed() -> None:
    text = README.read_text(encoding="utf-8")
    own = set(_options(get_command(app))) - {"--help", "--install-completion", "--show-completion", "--version"}
    assert [option for option in sorted(own) if option.startswith("--") and option not in text] == []


def _options(command: object) -> Iterator[str]:
    for parameter in getattr(command, "params", ()):
        yield from parameter.opts
    for child in getattr(command, "commands", {}).values():
        yield from _options(child)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if link.startswith("#"):
                assert link[1:] in anchors, f"{page}: {link}"
            elif not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page}: {link}"


def test_no_output_is_missing_from_the_tutorials() -> None:
    for page in PAGES:
        assert "<!-- output" not in page.read_text(encoding="utf-8"), page


def _write_tables() -> None:
    text = README.read_text(encoding="utf-8")
    for name, rows in TABLES.items():
        table = "\n".join(rows()) + "\n"
        text = _table(name).sub(lambda _, table=table: table, text, count=1)  # type: ignore[misc]
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write_tables()
