"""Settings: one precedence, one table, and errors that name what is wrong and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from stonegate.errors import UsageError
from stonegate.settings import Settings, every_setting, read_settings, unknown_variables, values


def test_flags_win_over_the_environment_over_dotenv_over_the_file_over_defaults(tmp_path: Path) -> None:
    def lock_timeout(flag: float | None, env: str | None) -> float:
        environ = {} if env is None else {"STONEGATE_LOCK_TIMEOUT": env}
        return read_settings({"lock_timeout": flag}, environ=environ, directory=tmp_path).lock_timeout

    assert lock_timeout(None, None) == 5.0
    (tmp_path / "stonegate.toml").write_text("[apply]\nlock_timeout = 4\n")
    assert lock_timeout(None, None) == 4.0
    (tmp_path / ".env").write_text("STONEGATE_LOCK_TIMEOUT=3\n")
    assert lock_timeout(None, None) == 3.0
    assert lock_timeout(None, "2") == 2.0
    assert lock_timeout(1.0, "2") == 1.0


def test_the_embedded_shadow_is_the_private_server_wherever_it_lives(tmp_path: Path) -> None:
    def shadow(text: str) -> object:
        environ = {"STONEGATE_SHADOW": text, "STONEGATE_EMBEDDED_DIRECTORY": "/srv/private"}
        return read_settings(environ=environ, directory=tmp_path).shadow_server

    assert shadow("embedded") == Path("/srv/private")
    assert shadow("postgresql://elsewhere/postgres") == "postgresql://elsewhere/postgres"
    assert shadow("") is None


def test_every_setting_has_a_name_in_the_environment_a_help_and_an_unambiguous_key() -> None:
    settings = list(every_setting())
    assert {setting.name for setting in settings} == set(Settings.__dataclass_fields__)
    names = [name for setting in settings for name in setting.env]
    keys = [setting.toml for setting in settings if setting.toml]
    assert len(names) == len(set(names)) and len(keys) == len(set(keys))
    assert all(setting.help and setting.env for setting in settings)
    assert [setting.name for setting in settings if setting.secret] == ["database_url", "db_password", "admin_token"]


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("DB_PORT", "fivethousand", "not a whole number"),
        ("DB_PORT", "70000", "not between 1 and 65535"),
        ("GATEWAY_PORT", "0", "not between 1 and 65535"),
        ("MAX_TOTAL_CONNECTIONS", "0", "less than 1"),
        ("STONEGATE_MAX_CONNECTIONS", "3", "less than 4"),
        ("POOL_IDLE_TIMEOUT_SECS", "soon", "not a number of seconds"),
        ("STATEMENT_TIMEOUT_SECS", "2147484", "more than PostgreSQL counts"),
        ("ALLOWED_NETWORKS", "10.0.0.0/8,somewhere", "not a list of networks"),
        ("ALLOWED_HOSTS", "api.example.com,http://x", "not a list of host names"),
        ("ALLOWED_HOSTS", "api.example.com:9000", "not a list of host names"),
        ("RUST_LOG", "loud", "no such level"),
        ("CREATED_STATUS", "204", "neither 200 nor 201"),
        ("CALL_ERROR_STATUS", "maybe", "not one of default, sqlstate"),
        ("STONEGATE_EMBEDDED", "perhaps", "neither true nor false"),
        ("STONEGATE_ON_ERROR", "panic", "not one of stop, continue"),
    ],
)
def test_an_invalid_value_names_its_setting(name: str, value: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as failure:
        read_settings(environ={name: value}, directory=tmp_path, gateway=True)
    assert name in failure.value.message and "environment" in failure.value.message
    assert word in failure.value.message and value in failure.value.message


def test_settings_of_the_gateway_do_not_stop_other_commands(tmp_path: Path) -> None:
    assert read_settings(environ={"RUST_LOG": "loud"}, directory=tmp_path).log_level == "info"


def test_secrets_are_not_shown_and_not_read_from_the_committed_file(tmp_path: Path) -> None:
    settings = read_settings(
        environ={"DB_PASSWORD": "s3cret", "ADMIN_TOKEN": "t0ken"}, directory=tmp_path, gateway=True
    )
    assert "s3cret" not in repr(settings) and "t0ken" not in repr(settings)
    (tmp_path / "stonegate.toml").write_text('[postgres]\npassword = "x"\n')
    with pytest.raises(UsageError, match=r"no such setting: postgres\.password") as failure:
        read_settings(environ={}, directory=tmp_path)
    assert failure.value.hint is not None and ".env" in failure.value.hint


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[apply]\nlock_timeuot = 3\n", "did you mean lock_timeout?"),
        ("[aply]\nlock_timeout = 3\n", r"did you mean \[apply\]\?"),
        ("[somewhere]\nlock_timeout = 3\n", r"sections: .*\[apply\]"),
        ("lock_timeout = 3\n", r"no such setting: lock_timeout .*\[apply\]"),
        ("[apply]\nlock_timeout = [3]\n", "expected"),
        ('[serve]\nallowed_networks = ["10.0.0.0/8", 3]\n', "expected"),
        ('[serve]\nadmin_token = "x"\n', "secrets belong into the environment"),
        ("[apply\n", "TOML"),
        ("[target]\ndatabase = shop\n", "texts in quotes.*line 2"),
    ],
)
def test_mistakes_in_the_file_are_usage_errors(text: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "stonegate.toml").write_text(text)
    with pytest.raises(UsageError) as failure:
        read_settings(environ={}, directory=tmp_path)
    assert re.search(word, f"{failure.value.message} {failure.value.hint} {failure.value.cause}")


def test_files_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    (tmp_path / "stonegate.toml").write_bytes(b"\xef\xbb\xbf[apply]\nconcurrency = 3\n")
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfSTONEGATE_CANARY=a\n")
    settings = read_settings(directory=tmp_path, environ={})
    assert (settings.concurrency, settings.canary) == (3, "a")


def test_dotenv_knows_quotes_comments_and_export(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\n\nexport DB_HOST=\"db host\" # why\nDB_USER='o'\n"
        'DB_NAME=main # the usual one\nDB_PASSWORD="a\\"b#c"\n'
    )
    settings = read_settings(environ={}, directory=tmp_path)
    assert (settings.db_host, settings.db_user, settings.db_name) == ("db host", "o", "main")
    assert settings.db_password == 'a"b#c'


@pytest.mark.parametrize("line", ["whatever", 'DB_NAME="x', "DB_NAME='"])
def test_a_broken_line_of_dotenv_has_a_place(line: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"DB_HOST=x\n{line}\n")
    with pytest.raises(UsageError, match=r"\.env:2"):
        read_settings(environ={}, directory=tmp_path)


def test_files_that_cannot_be_read_are_usage_errors(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(UsageError, match=r"cannot read \.env"):
        read_settings(environ={}, directory=tmp_path)
    assert list(unknown_variables({}, tmp_path)) == []  # it is told once
    (tmp_path / ".env").rmdir()
    (tmp_path / ".env").write_bytes(b"DB_NAME=\xff")
    with pytest.raises(UsageError, match=r"\.env is no UTF-8"):
        read_settings(environ={}, directory=tmp_path)


def test_empty_values_count_as_not_set(tmp_path: Path) -> None:
    empty = {"ADMIN_TOKEN": "", "DB_PORT": "", "DATA_DIR": " "}
    settings = read_settings(environ=empty, directory=tmp_path, gateway=True)
    assert settings.admin_token is None and settings.db_port is None and settings.data_dir == Path("data")


@pytest.mark.parametrize(
    ("parse", "texts"),
    [
        (values.seconds, {"5": 5.0, "2.5": 2.5, "5s": 5.0, "500ms": 0.5, "2 min": 120.0, "2147483.647s": 2147483.647}),
        (values.boolean, dict.fromkeys(("true", "1", "Yes", "on"), True)),
        (values.boolean, dict.fromkeys(("false", "0", "no", "OFF"), False)),
        (values.port, {"1": 1, "65535": 65535}),
        (values.at_least_four, {"4": 4}),
        (values.status, {"200": 200, "201": 201}),
        (values.choice("stop", "continue"), {"STOP": "stop", "continue": "continue"}),
        (values.hosts, {"*.Example.com,,[::1]": ("*.example.com", "[::1]")}),
    ],
)
def test_what_values_mean(parse: Callable[[str], object], texts: dict[str, object]) -> None:
    assert {text: parse(text) for text in texts} == texts


def test_networks_may_have_host_bits(tmp_path: Path) -> None:
    settings = read_settings(
        environ={"ALLOWED_NETWORKS": "192.168.1.100/24, ::1/128"}, directory=tmp_path, gateway=True
    )
    assert settings.allowed_networks == (ip_network("192.168.1.0/24"), ip_network("::1/128"))
    (tmp_path / "stonegate.toml").write_text('[serve]\nallowed_networks = ["192.168.1.100/24", "::1/128"]\n')
    assert read_settings(environ={}, directory=tmp_path, gateway=True) == settings


@pytest.mark.parametrize(
    ("text", "level"),
    [
        *((word, word) for word in ("debug", "info", "warning", "error", "critical")),
        *(("trace", "debug"), ("WARN", "warning"), ("off", "critical"), ("warn,stonescriptdb_gateway=debug", "debug")),
        *(("stonegate=debug,warn", "debug"), ("warn,hyper=debug", "warning"), ("hyper=debug", "info")),
    ],
)
def test_the_log_level_is_that_of_env_logger(text: str, level: str, tmp_path: Path) -> None:
    assert read_settings(environ={"RUST_LOG": text}, directory=tmp_path, gateway=True).log_level == level


def test_the_server_is_the_url_or_made_of_its_parts(tmp_path: Path) -> None:
    parts = {"DB_HOST": "db", "DB_PORT": "5433", "DB_USER": "it's", "DB_PASSWORD": "a\\b"}
    made = read_settings(environ=parts, directory=tmp_path).server_conninfo
    assert made == "host='db' port='5433' user='it\\'s' password='a\\\\b' dbname='postgres'"
    url = "postgresql://x@y/z"
    assert read_settings(environ=parts | {"DATABASE_URL": url}, directory=tmp_path).server_conninfo == url


def test_pg_variables_name_the_server_where_no_db_variable_does(tmp_path: Path) -> None:
    settings = read_settings(environ={"PGHOST": "a", "PGPORT": "1", "DB_HOST": "b"}, directory=tmp_path)
    assert (settings.db_host, settings.db_port) == ("b", 1)


def test_variables_that_mean_nothing_are_named_with_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("STONEGATE_TENNANT=acme\nHOME=/x\n")
    environ = {
        "STONEGATE_LOCK_TIMOUT": "1",
        "STONEGATE_GATEWAY_PORT": "9001",
        "STONEGATE_DATABASE_URL": "postgresql://u:secret@h/d",
        "STONEGATE_FRUIT": "pear",
        "STONEGATE_PORT": "tcp://10.0.0.1:80",
        **dict.fromkeys(("STONEGATE_TRACEBACK", "STONEGATE_POSTGRES_17", "STONEGATE_PLATFORM_PASSWORD"), "1"),
        **dict.fromkeys(("STONEGATE_SERVICE_HOST", "STONEGATE_PORT_9000_TCP_ADDR", "STONEGATE_LOCK_TIMEOUT"), "1"),
    }
    assert list(unknown_variables(environ, tmp_path)) == [
        "STONEGATE_DATABASE_URL in the environment is no setting, and is ignored: did you mean DATABASE_URL?",
        "STONEGATE_FRUIT in the environment is no setting, and is ignored: README.md lists the settings",
        "STONEGATE_GATEWAY_PORT in the environment is no setting, and is ignored: did you mean GATEWAY_PORT?",
        "STONEGATE_LOCK_TIMOUT in the environment is no setting, and is ignored: did you mean STONEGATE_LOCK_TIMEOUT?",
        "STONEGATE_TENNANT in .env is no setting, and is ignored: did you mean STONEGATE_TENANT?",
    ]
