"""Logs: what an operator needs of every request, and never a parameter, a password, a token or a line of a folder."""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from stonegate.gateway.logs import set_up_logs
from tests.gateway.folders import TYPES
from tests.gateway.gateway import TOKEN, Gateway, bearer, pack, start_gateway
from tests.gateway.load import eventually
from tests.servers import Server

PARAMETER = "a-parameter-of-a-client"
PASSWORD = "a-password-of-a-role"
WRONG_TOKEN = "a-token-that-is-wrong"
CONTENT = "a-line-of-a-folder"
SECRETS = (PARAMETER, PASSWORD, WRONG_TOKEN, CONTENT, TOKEN)


@pytest.fixture(scope="module")
def talkative(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that tells all it would ever tell."""
    home = tmp_path_factory.mktemp("talkative")
    settings = {"RUST_LOG": "debug", "CALL_ERROR_STATUS": "sqlstate", "LOG_DIR": str(home / "logs")}
    settings |= {"TRUSTED_PROXIES": "127.0.0.1", "STONEGATE_CONCURENCY": "4"}
    with start_gateway(home, server.tcp_url(), **settings) as started:
        yield started


def lines_of(gateway: Gateway) -> list[dict[str, Any]]:
    """The log, which is no terminal's: JSON, every line of it."""
    return [json.loads(line) for line in gateway.logged().splitlines()]


def test_the_access_log(talkative: Gateway, new_name: Callable[[], str]) -> None:
    platform = new_name()
    assert talkative.upload("/register", TYPES, platform=platform, tenant_id="north").status_code == 200
    headers = {"X-Request-Id": f"id-{platform}", "X-Forwarded-For": "1.2.3.4, 192.168.7.7"}
    body = {"platform": platform, "tenant_id": "north", "function": "numbers", "params": [3]}
    assert talkative.post("/call", body, headers=headers).status_code == 200
    eventually(lambda: f'"id-{platform}"' in talkative.logged())  # it is written after the answer
    lines = [line for line in lines_of(talkative) if line.get("request_id") == f"id-{platform}"]
    assert len(lines) == 1
    (line,) = lines
    assert line.pop("ms") > 0
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "stonegate.access",
        "message": "request",
        "request_id": f"id-{platform}",
        "client": "192.168.7.7",
        "method": "POST",
        "route": "/call",
        "status": 200,
        "platform": platform,
        "tenant": "north",
        "function": "numbers",
        "rows": 3,
    }


def test_what_is_refused_at_the_wire(talkative: Gateway) -> None:
    def refusals() -> dict[int, dict[str, Any]]:
        found = [line for line in lines_of(talkative) if line.get("message") == "request" and "request_id" not in line]
        return {line["status"]: line for line in found}

    for request in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\na: " + b"b" * 70_000 + b"\r\n\r\n"):
        with socket.create_connection(talkative.address, timeout=10) as connection:
            connection.sendall(request)
            while connection.recv(65536):
                pass
    eventually(lambda: refusals().keys() >= {400, 431})
    told = {name: refusals()[431][name] for name in ("client", "route", "error")}
    assert told == {"client": "127.0.0.1", "route": "other", "error": "invalid_request"}
    assert 'stonegate_requests_total{route="other",status="431"}' in talkative.get("/metrics").text


def make_trouble(gateway: Gateway, platform: str) -> list[httpx.Response]:
    """Requests of every kind with secrets in them, most of which fail."""
    login = {"platform": platform, "db_user": platform, "db_password": PASSWORD}
    answers = [gateway.post("/platform/register", login), gateway.post("/platform/register", login)]
    answers.append(gateway.post("/platform/register", {"platform": "--", "db_user": "u", "db_password": PASSWORD}))
    seeds = {"seeders/notes.sql": f"INSERT INTO notes (id, body) VALUES (1, '{CONTENT}');"}
    answers.append(gateway.upload("/register", TYPES | seeds, platform=platform))
    broken = {"functions/b.sql": f"CREATE FUNCTION b() RETURNS int LANGUAGE sql AS 'SELECT ''{CONTENT}'''; oops oops;"}
    answers.append(gateway.upload("/register", broken, platform=platform))
    answers.append(gateway.upload("/migrate", pack({"tables/x.sql": f"-- {CONTENT}\n"})[:-20], platform=platform))
    refused = {"functions/b.sql": f"CREATE FUNCTION b() RETURNS int LANGUAGE sql AS 'SELECT nothing -- {CONTENT}';"}
    answers.append(gateway.upload("/migrate", TYPES | refused, platform=platform))
    for function, params in (
        ("echo_text", [PARAMETER]),
        ("echo_text", {"v": PARAMETER}),
        ("echo_text", {"w": PARAMETER}),
        ("echo_int4", [PARAMETER]),
        ("echo_uuid", [{"x": PARAMETER}]),
        ("fail", ["P0001", PARAMETER]),
        ("fail", ["22012", PARAMETER]),
        ("note", [PARAMETER]),
        ("note", [PARAMETER]),
        ("nothing_of_that_name", [PARAMETER]),
        ("total", [PARAMETER, [PARAMETER]]),
    ):
        gateway.call(platform, function, params)
    gateway.call(platform, "nap", [5], timeout_ms=50, secret=PARAMETER)
    gateway.call(f"{platform}x", "echo_text", [PARAMETER])
    with gateway.client() as client:
        client.post("/call", content=b'{"platform": "x", "function": "f", "params": ["%b"' % PARAMETER.encode())
        client.post("/call", content=b'{"platform": 1, "function": "%b"}' % PARAMETER.encode())
    answers.append(gateway.get("/admin/platforms", headers=bearer(WRONG_TOKEN)))
    answers.append(gateway.get("/admin/platforms", headers={"Authorization": f"Basic {WRONG_TOKEN}"}))
    answers.append(gateway.get("/admin/platforms", headers=bearer()))
    answers.append(gateway.get(f"/admin/databases?platform={platform}", headers=bearer()))
    return answers


def test_secrets_and_parameters_appear_nowhere(talkative: Gateway, server: Server, new_name: Callable[[], str]) -> None:
    platform = new_name()
    answers = make_trouble(talkative, platform)
    assert {answer.status_code for answer in answers} >= {200, 201, 400, 401, 409}
    assert talkative.data_dir is not None
    logged = talkative.logged()
    kept = (talkative.data_dir.parent / "logs" / "stonegate.log").read_text(encoding="utf-8")
    assert logged.count('"route":"/call"') > 10
    assert kept.count('"route":"/call"') >= logged.count('"route":"/call"')
    for secret in (*SECRETS, server.tcp_url()):
        assert secret not in logged
        assert secret not in kept
        for answer in answers:
            assert secret not in answer.text
    assert talkative.process is not None
    process = psutil.Process(talkative.process.pid)
    for each in (process, *process.children(recursive=True)):
        assert not any(secret in " ".join(each.cmdline()) for secret in (*SECRETS, server.tcp_url()))


def test_a_mistyped_setting_is_told(talkative: Gateway) -> None:
    warned = [line["message"] for line in lines_of(talkative) if line["level"] == "warning"]
    assert any("did you mean STONEGATE_CONCURRENCY?" in message for message in warned)


def test_a_server_that_cannot_be_reached_is_told_without_its_password(home: Path) -> None:
    url = f"postgresql://somebody:{PASSWORD}@127.0.0.1:1/postgres"
    with start_gateway(home, url, RUST_LOG="debug") as gateway:
        answers = [gateway.get("/health"), gateway.get("/ready"), gateway.call("x", "f", [PARAMETER])]
        answers.append(gateway.upload("/register", TYPES, platform="x"))
        answers.append(gateway.post("/platform/register", {"platform": "y", "db_user": "y", "db_password": PASSWORD}))
        assert {answer.status_code for answer in answers} == {200, 503}
        assert "PostgreSQL cannot be reached" in gateway.logged()
        for text in (gateway.logged(), *(answer.text for answer in answers)):
            assert PASSWORD not in text
            assert PARAMETER not in text


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., io.StringIO]]:
    """Sets logs up in this process; what they write to standard error, which may be a terminal."""
    root = logging.getLogger()
    kept, level = root.handlers, root.level
    root.handlers = []

    def set_up(*, form: str, is_terminal: bool) -> io.StringIO:
        stream = io.StringIO()
        stream.isatty = lambda: is_terminal  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stderr", stream)
        set_up_logs(level="debug", form=form, directory=None)
        return stream

    yield set_up
    root.handlers, root.level = kept, level
    for name in ("stonegate", "uvicorn", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("form", "is_terminal", "is_json"),
    [("auto", True, False), ("auto", False, True), ("text", False, False), ("json", True, True)],
)
def test_text_on_a_terminal_and_json_elsewhere(
    written: Callable[..., io.StringIO], form: str, is_terminal: bool, is_json: bool
) -> None:
    stream = written(form=form, is_terminal=is_terminal)
    logging.getLogger("stonegate.access").info("request", extra={"route": "/call", "platform": "a\nb", "secret": "x"})
    text = stream.getvalue()
    assert text.count("\n") == 1
    if is_json:
        line = json.loads(text)
        assert (line["message"], line["platform"]) == ("request", "a\nb")
        assert "secret" not in line
    else:
        assert text.split(maxsplit=2)[1:] == ["info", "request route=/call platform='a\\nb'\n"]
        time.strptime(text.split()[0], "%H:%M:%S")


@pytest.mark.parametrize("form", ["json", "text"])
def test_errors_are_told_without_their_words(written: Callable[..., io.StringIO], form: str) -> None:
    stream = written(form=form, is_terminal=False)
    try:
        try:
            int(PARAMETER)
        except ValueError as error:
            raise KeyError(PARAMETER) from error
    except KeyError as error:
        logging.getLogger("stonegate.gateway").error("an internal error", exc_info=error)
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <%s>", PARAMETER)
    text = stream.getvalue()
    assert PARAMETER not in text
    assert "builtins.ValueError" in text and "builtins.KeyError" in text
    assert "test_logs.py" in text
    assert "Task exception was never retrieved" in text
