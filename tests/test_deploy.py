"""The files of deploy/ say what the code knows; `python -m tests.test_deploy` writes `.env.example` anew."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from configparser import RawConfigParser
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from stonegate.cli.app import app
from stonegate.settings import Setting, every_setting, read_settings

DEPLOY = Path(__file__).parents[1] / "deploy"
ENV_FILE = DEPLOY / ".env.example"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
WORKFLOWS = (DEPLOY / "github/deploy-database.yml", DEPLOY / "gitlab/.gitlab-ci.yml")


def env_lines() -> Iterator[str]:
    """`.env.example`, as the declarations of the settings have it."""
    yield "# Every setting of stonegate with its default. An empty value counts as not set; copy to .env and uncomment."
    sections = list(dict.fromkeys(setting.section for setting in every_setting()))
    ordered = sorted(every_setting(), key=lambda setting: sections.index(setting.section))
    for section, settings in groupby(ordered, key=lambda setting: setting.section):
        yield from ("", f"# --- {section}")
        for setting in settings:
            also = f" (also: {', '.join(setting.env[1:])})" if setting.env[1:] else ""
            yield f"# {setting.help}{also}"
            yield f"#{setting.env[0]}={_default(setting)}"


def _default(setting: Setting) -> str:
    match setting.default:
        case None:
            return ""
        case bool() as value:
            return str(value).lower()
        case float() as value:
            return f"{value:g}"
        case tuple() as values:
            return ",".join(map(str, values))
        case value:
            return str(value)


def test_the_example_of_an_environment_has_every_setting() -> None:
    written = ENV_FILE.read_text(encoding="utf-8").splitlines()
    assert written == list(env_lines()), "python -m tests.test_deploy writes it anew"


def test_the_example_means_the_defaults(tmp_path: Path) -> None:
    uncommented = re.sub(r"(?m)^#(?=[A-Z_]+=)", "", ENV_FILE.read_text(encoding="utf-8"))
    (tmp_path / ".env").write_text(uncommented, encoding="utf-8")
    assert read_settings(environ={}, directory=tmp_path, gateway=True) == read_settings(environ={}, gateway=True)


def commands(path: Path) -> Iterator[list[str]]:
    """The commands of stonegate that a file runs, as words."""
    text = re.sub(r"\\\n\s*|\n\s+(?=--)", " ", path.read_text(encoding="utf-8"))
    for found in re.finditer(r"(?m)^[^#\n]*?\bstonegate ((?:apply|check|plan|serve|tenant)\b.*)$", text):
        words = shlex.split(re.split(r" [>|] | \|\| ", found[1])[0])
        assert words, found[0]
        yield words


@pytest.mark.parametrize("path", [*WORKFLOWS, *UNITS, DEPLOY / "pre-commit-hooks.yaml"], ids=lambda path: path.name)
def test_the_commands_exist(path: Path) -> None:
    found = list(commands(path))
    assert found
    for words in found:
        command: Any = get_command(app)
        while getattr(command, "commands", None):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, path.name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_secrets_are_no_words_of_commands(path: Path) -> None:
    assert any(words[0] == "apply" for words in commands(path))
    assert not any(re.search(r"_URL|DATABASE|\bsecrets\b", word) for words in commands(path) for word in words)


def test_the_documents_are_yaml() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
    environment = compose["services"]["stonegate"]["environment"]
    assert set(environment) <= {name for setting in every_setting() for name in setting.env}
    for path in (*WORKFLOWS, DEPLOY / "pre-commit-hooks.yaml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8")), path.name


def test_the_services_share_user_directory_and_program() -> None:
    services = []
    for path in UNITS:
        unit = RawConfigParser(strict=False)
        unit.read(path, encoding="utf-8")
        services.append(unit["Service"])
    assert len(services) == 2
    for key in ("User", "DynamicUser", "StateDirectory", "WorkingDirectory", "EnvironmentFile", "Environment"):
        assert services[0][key] == services[1][key], key
    assert {service["ExecStart"].split()[0] for service in services} == {"/opt/stonegate/bin/stonegate"}


DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")


def test_the_image_is_made_of_files_that_are_there() -> None:
    context = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    copied = [words for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", DOCKERFILE) for words in line.split()[:-1]]
    assert copied
    for name in copied:
        assert (DEPLOY.parent / name).exists() and f"!{name}" in context, name
    user = re.findall(r"(?m)^USER (\S+)$", DOCKERFILE)
    assert user == re.findall(r"--uid (\d+)", DOCKERFILE)
    assert re.search(r"install -d -o stonegate .* /data\b", DOCKERFILE) and " DATA_DIR=/data " in DOCKERFILE


@pytest.mark.parametrize("status", [200, 503, None])
def test_the_image_knows_whether_the_gateway_lives(status: int | None) -> None:
    found = re.search(r"(?m)^HEALTHCHECK .* CMD +(\[.*\])$", DOCKERFILE)
    assert found is not None
    program, *words = json.loads(found[1])
    assert program == "python"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=answer, args=(listener, status))
        answering.start()
        # A proxy of the surroundings is none of its business.
        environment = {"GATEWAY_PORT": str(listener.getsockname()[1]), "http_proxy": "http://127.0.0.1:1"}
        done = subprocess.run([sys.executable, *words], env=environment, timeout=20, capture_output=True)
        answering.join()
    assert (done.returncode == 0) == (status == 200), done.stderr


def answer(listener: socket.socket, status: int | None) -> None:
    """Answer one request with that status, or hang up."""
    connection, _ = listener.accept()
    with connection:
        asked = connection.recv(65536)
        if status is not None:
            assert asked.startswith(b"GET /health HTTP/1.1\r\n")
            connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)


def test_the_end_is_waited_for() -> None:
    settings = read_settings(environ={}, gateway=True)
    least = settings.shutdown_delay + settings.shutdown_timeout
    unit = RawConfigParser(strict=False)
    unit.read(DEPLOY / "systemd/stonegate.service", encoding="utf-8")
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
    assert int(unit["Service"]["TimeoutStopSec"]) > least
    assert unit["Service"]["KillMode"] == "mixed"
    assert int(compose["services"]["stonegate"]["stop_grace_period"].removesuffix("s")) > least


if __name__ == "__main__":
    ENV_FILE.write_text("\n".join(env_lines()) + "\n", encoding="utf-8")
