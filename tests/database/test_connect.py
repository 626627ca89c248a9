"""Connections: how they are made, named and refused."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import struct
import threading
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from stonegate.database import login
from stonegate.database.connect import Session, connect, leave, settle
from stonegate.database.conninfo import database_of, describe, with_database
from stonegate.database.failures.explain import wrap_error
from stonegate.database.server.facts import is_pooled, read_session
from stonegate.errors import (
    ConnectionFailed,
    DatabaseNotFound,
    FunctionDeployFailed,
    LockTimeout,
    MigrationFailed,
    UsageError,
)
from tests.servers import Database, MakeDatabase, Server, psql

_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104  # manual 54.7


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSERVICE", "PGOPTIONS", "PGAPPNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "pg_service.conf"))


@pytest.fixture
def service_file(tmp_path: Path) -> Path:
    return tmp_path / "pg_service.conf"


async def test_a_session_is_utc_utf8_and_finds_nobodys_names(any_database: Database) -> None:
    any_database.rows(f"ALTER DATABASE \"{any_database.name}\" SET search_path = 'elsewhere'")
    async with await connect(any_database.url, options="-c lock_timeout=7s") as conn:
        cursor = await conn.execute(
            "SELECT current_setting('TimeZone'), current_setting('client_encoding'), current_setting('search_path'), "
            "current_setting('application_name'), current_setting('lock_timeout')"
        )
        assert await cursor.fetchone() == ("UTC", "UTF8", '""', "stonegate", "7s")
        assert conn.autocommit
        parameters = conn.info.get_parameters()
        assert (parameters["keepalives_idle"], parameters["connect_timeout"]) == ("30", "10")


async def test_what_the_user_says_wins(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGAPPNAME", "mine")
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=9MB")
    url = f"{database.url}{'&' if '?' in database.url else '?'}keepalives_idle=99"
    async with await connect(url, autocommit=False, connect_timeout=3) as conn:
        cursor = await conn.execute("SELECT current_setting('application_name'), current_setting('work_mem')")
        assert await cursor.fetchone() == ("mine", "9MB")
        parameters = conn.info.get_parameters()
        assert (parameters["keepalives_idle"], parameters["connect_timeout"]) == ("99", "3")
        assert not conn.autocommit


async def test_what_a_database_sets_for_its_applications_cuts_no_work_short(database: Database) -> None:
    limits = ("statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
    for limit in limits:
        database.rows(f"ALTER DATABASE {database.name} SET {limit} = '1h'")
    async with await connect(database.url) as conn:
        for limit in limits:
            assert await (await conn.execute(f"SHOW {limit}".encode())).fetchall() == [("0",)], limit


async def test_a_missing_database(server: Server) -> None:
    with pytest.raises(DatabaseNotFound) as caught:
        await connect(server.tcp_url("not there"))
    error = caught.value
    assert error.message.startswith('database "not there" does not exist on 127.0.0.1:')
    assert (error.database, error.sqlstate) == ("not there", "3D000")
    assert error.cause is None and error.hint  # the server's words would be the message's


async def test_a_missing_database_behind_an_address_where_nobody_listens(server: Server) -> None:
    with pytest.raises(DatabaseNotFound) as caught:
        places = f"host=127.0.0.1,127.0.0.1&port=1,{server.postmaster.port}"
        await connect(f"{server.tcp_url('nowhere')}?{places}")
    assert "refused" in (caught.value.cause or "") and "FATAL" in (caught.value.cause or "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PGSSLMODE", "sometimes"),
        ("PGSERVICE", "nowhere"),
        ("PGTARGETSESSIONATTRS", "any one"),
        ("PGSSLNEGOTIATION", "direct"),
    ],
)
async def test_a_variable_that_libpq_refuses_is_named(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.delenv("PGSERVICEFILE", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(ConnectionFailed) as caught:
        await connect(server.tcp_url())
    assert caught.value.hint == f"correct {name} in the environment, or unset it"


async def test_a_service_file_that_is_not_there_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setenv("PGSERVICEFILE", "/nowhere/at all")
    monkeypatch.setenv("PGSERVICE", "nowhere")
    with pytest.raises(ConnectionFailed) as caught:
        await connect(server.tcp_url())
    assert caught.value.hint == "correct PGSERVICEFILE in the environment, or unset it"


async def test_a_value_of_the_url_is_not_the_variables(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "sometimes")
    with pytest.raises(ConnectionFailed) as caught:
        await connect(f"{server.tcp_url()}?sslmode=sometimes")
    assert caught.value.hint == "check the database URL"


async def test_a_name_that_postgresql_would_cut(server: Server) -> None:
    with pytest.raises(UsageError, match="has 64 bytes"):
        await connect(server.url("ä" * 32))


async def test_a_wrong_password_is_never_shown(server: Server) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        await connect(server.tcp_url(password="open sesame"))
    error = caught.value
    assert "password authentication failed" in (error.cause or "") and "PGPASSWORD" in (error.hint or "")
    assert error.message.startswith('cannot connect to database "postgres" on 127.0.0.1:')
    assert "sesame" not in repr(error.as_dict())


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionFailed) as caught:
            await connect(f"host=127.0.0.1 port={port} user=me dbname=shop password=hidden")
    assert caught.value.message == f'cannot connect to database "shop" on 127.0.0.1:{port}'
    assert caught.value.hint == "is PostgreSQL running there? Check host and port"


async def test_no_server_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    with pytest.raises(ConnectionFailed) as caught:
        await connect("dbname=notes")
    assert caught.value.hint is not None and "DB_HOST" in caught.value.hint


async def test_a_server_that_is_too_old(any_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stonegate.database.connect.OLDEST", 990000)
    with pytest.raises(ConnectionFailed, match=rf" is PostgreSQL {any_server.major}\.\d+$") as refused:
        await connect(any_server.admin_url)
    assert refused.value.cause == "stonegate works with PostgreSQL 99 and later"


async def test_a_session_that_is_ended_before_it_says_a_word(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end_first(conn: Session) -> None:
        database.rows("SELECT pg_terminate_backend(%s, 10000)", conn.info.backend_pid)
        await settle(conn)

    monkeypatch.setattr("stonegate.database.connect.settle", end_first)
    with pytest.raises(ConnectionFailed, match="cannot connect to database") as failure:
        await connect(database.url)
    assert "terminating connection" in (failure.value.cause or "")


async def test_an_unknown_host() -> None:
    with pytest.raises(ConnectionFailed) as mistyped:
        await connect("host=localhost port=99999999 dbname=shop")
    assert mistyped.value.hint == "the port is a number: 5432, if not said otherwise"
    with pytest.raises(ConnectionFailed, match=r"on nowhere\.invalid:5432") as caught:
        await connect("postgresql://me@nowhere.invalid/shop")
    assert caught.value.hint == "check the host name"


@pytest.mark.parametrize("scheme", ["mysql", "postgresql+psycopg2", "POSTGRESQL"])
def test_a_url_of_something_else(scheme: str) -> None:
    with pytest.raises(UsageError) as caught:
        describe(f"{scheme}://me:secret@host/db")
    assert (caught.value.cause or "").startswith(f"it begins with {scheme}://;")
    assert "secret" not in str(caught.value.as_dict())
    assert describe("host=h user=me dbname=d application_name=a://b") == "postgresql://me@h:5432/d"


@pytest.mark.parametrize("conninfo", ["postgresql://me:se cret@host/db", "host=x passwort=secret", "secret"])
async def test_a_conninfo_that_cannot_be_read(conninfo: str) -> None:
    for use in (describe, database_of):
        with pytest.raises(UsageError) as caught:
            use(conninfo)
        assert "cret" not in str(caught.value.as_dict())
    with pytest.raises(UsageError):
        await connect(conninfo)


@pytest.mark.parametrize(
    ("conninfo", "text"),
    [
        ("postgresql://me:secret@db.example.com:6543/shop?sslmode=require", "postgresql://me@db.example.com:6543/shop"),
        ("host=db port=1 user='a b' password=secret dbname=x/y", "postgresql://a%20b@db:1/x%2Fy"),
        ("postgresql://me:secret@[::1]:5433/shop", "postgresql://me@[::1]:5433/shop"),
        ("host=/var/run user=me dbname=shop", "postgresql://me@%2Fvar%2Frun:5432/shop"),
        ("service=books password=secret", "service=books"),
        ("service=books dbname=shop", "service=books dbname=shop"),
    ],
)
def test_describe(conninfo: str, text: str) -> None:
    assert describe(conninfo) == text


def test_with_database() -> None:
    changed = conninfo_to_dict(with_database("postgresql://me:p%20w@db:1/shop?sslmode=require", "other one"))
    assert changed == {
        "user": "me",
        "password": "p w",
        "host": "db",
        "port": "1",
        "dbname": "other one",
        "sslmode": "require",
    }


def test_a_service_file_that_cannot_be_read(service_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service_file.write_text("[books]\ndbname=library\n")

    def refuse(*_: object, **__: object) -> str:  # root may read everything
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(UsageError, match=r"pg_service\.conf cannot be read"):
        database_of("service=books")


def test_database_of(service_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service_file.write_text("# ours\n[other]\ndbname=wrong\n\n[books]\nhost=db\n#dbname=no\ndbname=library\n")
    monkeypatch.setenv("PGDATABASE", "never")
    assert database_of("postgresql://me@db/shop") == "shop"
    assert database_of("host=db dbname='my shop'") == "my shop"
    assert database_of("service=books") == "library"
    assert database_of("service=books dbname=shop") == "shop"
    assert database_of("postgresql://me@db") is None
    service_file.write_bytes(b"# caf\xe9\n" + service_file.read_bytes())
    assert database_of("service=books") == "library"
    with pytest.raises(UsageError, match="no connection service is called unknown"):
        database_of("service=unknown")


async def test_a_service_file_keeps_its_say(database: Database, service_file: Path) -> None:
    given = conninfo_to_dict(database.url)
    lines = [f"{key}={value}" for key, value in given.items()]
    service_file.write_text("\n".join(["[books]", *lines, "connect_timeout=77", "options=-c work_mem=9MB"]) + "\n")
    async with await connect("service=books") as conn:
        cursor = await conn.execute("SELECT current_setting('TimeZone'), current_setting('work_mem')")
        assert await cursor.fetchone() == ("UTC", "9MB")
        assert conn.info.dbname == database.name
        assert conn.info.get_parameters()["connect_timeout"] == "77"


async def test_a_direct_connection_is_no_pooler(database: Database) -> None:
    async with await connect(database.url) as conn:
        assert not is_pooled(conn, (await read_session(conn)).pid)


class Pooled:
    """A connection whose login named another process than the one that answers."""

    def __init__(self) -> None:
        self.info = self

    backend_pid = -1


async def test_a_pooler_is_recognised(database: Database) -> None:
    async with await connect(database.url) as conn:
        assert is_pooled(Pooled(), (await read_session(conn)).pid)  # type: ignore[arg-type]


async def test_wrap_error(database: Database) -> None:
    async with await connect(database.url) as conn:
        with pytest.raises(psycopg.Error) as caught:
            await conn.execute("DO $$ BEGIN RAISE 'no %', 1 USING DETAIL = 'why', HINT = 'do this'; END $$")
        error = wrap_error(caught.value, "f() failed", kind=FunctionDeployFailed)
        assert type(error) is FunctionDeployFailed
        assert (error.cause or "").splitlines()[:2] == ["no 1", "DETAIL: why"]
        assert "CONTEXT: PL/pgSQL function inline_code_block" in (error.cause or "")
        assert (error.hint, error.sqlstate) == ("do this", "P0001")
        with pytest.raises(psycopg.Error) as cut:
            await conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert isinstance(wrap_error(cut.value, "lost"), ConnectionFailed)
    assert isinstance(wrap_error(psycopg.errors.LockNotAvailable("x"), "locked"), LockTimeout)
    assert isinstance(wrap_error(psycopg.errors.InvalidCatalogName("x"), "gone"), DatabaseNotFound)
    plain = wrap_error(psycopg.errors.DivisionByZero("x"), "failed")
    assert (type(plain), plain.cause) == (MigrationFailed, "x")


async def test_a_session_that_has_left_is_gone(database: Database) -> None:
    async with await connect(database.server.admin_url) as admin:
        for _ in range(5):
            conn = await connect(database.url)
            await leave(conn)
            await leave(conn)  # once more is nothing
            found = await admin.execute("SELECT FROM pg_stat_activity WHERE datname = %s", (database.name,))
            assert await found.fetchall() == []


async def test_a_session_that_takes_its_time_to_leave_is_waited_for(database: Database) -> None:
    conn = await connect(database.url)
    pid = conn.info.backend_pid
    os.kill(pid, signal.SIGSTOP)  # as on a machine that has much else to do
    threading.Timer(1.2, os.kill, (pid, signal.SIGCONT)).start()
    await leave(conn)
    assert database.rows("SELECT FROM pg_stat_activity WHERE pid = %s", pid) == []


async def test_what_a_server_of_another_language_says_at_login_is_known_by_its_code(
    any_server: Server, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words mean nothing to us, as those of a server with lc_messages = de_DE."""
    for table in ("_STATES", "_HINTS"):
        monkeypatch.setattr(login, table, ())
    closed = make_database(any_server)
    closed.rows(f'ALTER DATABASE "{closed.name}" CONNECTION LIMIT 0')
    psql(any_server.admin_url, f'ALTER DATABASE "{closed.name}" ALLOW_CONNECTIONS false')
    for _ in range(2):  # asked for, and remembered
        with pytest.raises(DatabaseNotFound, match="nowhere") as missing:
            await connect(any_server.tcp_url("nowhere"))
        assert missing.value.sqlstate == "3D000" and "stonegate apply" in (missing.value.hint or "")
    for url, state, hint in (
        (closed.tcp_url, "55000", "ALLOW_CONNECTIONS true"),
        (any_server.tcp_url(password="another"), "28P01", "check user and password"),
        (any_server.url(user="nobody_of_that_name"), "28000", "pg_hba.conf"),
        (f"{any_server.tcp_url()}?options=-cwork_mem%3Dx", "22023", "PGOPTIONS"),
        ("postgresql://127.0.0.1:1/x", None, "check the database URL"),
    ):
        with pytest.raises(ConnectionFailed) as refused:
            await connect(url)
        assert refused.value.sqlstate == state and hint in (refused.value.hint or "")


async def test_a_server_that_has_another_reason_by_now_does_not_lend_its_code() -> None:
    reasons = [("53300", "zu viele Verbindungen"), ("57P03", "das Datenbanksystem startet gerade")]

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await _read_startup(reader) in (_SSL_REQUEST, _GSS_REQUEST):
            writer.write(b"N")
        state, message = reasons.pop(0)
        fields = ("SFATAL", "VFATAL", f"C{state}", f"M{message}", "")
        body = b"".join(field.encode() + b"\0" for field in fields)
        writer.write(b"E" + struct.pack("!i", 4 + len(body)) + body)
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionFailed) as refused:
            await connect(f"postgresql://someone@127.0.0.1:{port}/x")
    assert reasons == []
    assert (refused.value.sqlstate, refused.value.hint) == (None, "check the database URL")


async def _read_startup(reader: asyncio.StreamReader) -> int:
    """The code of a message without a type, as those are which open a connection."""
    length, code = struct.unpack("!ii", await reader.readexactly(8))
    await reader.readexactly(length - 8)
    return int(code)


@pytest.mark.parametrize("secret", ["password", "sslpassword", "oauth_client_secret"])
@pytest.mark.parametrize("words", ["timeout", 'database "d" does not exist\ntimeout'])
async def test_no_refusal_repeats_a_secret(secret: str, words: str) -> None:
    error = psycopg.OperationalError(f"{words} for hunter2")
    told = await login.explain_login(error, "dbname=d", {"dbname": "d", secret: "hunter2"})
    assert told.cause == f"{words} for …" and "hunter2" not in str(told.as_dict())
