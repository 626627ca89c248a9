"""Which database is whose: adopted, forgotten, and corrected with the commands that the advice says."""

from __future__ import annotations

import asyncio
import shlex

import pytest
from msgspec.structs import replace

from stonegate.database.tenants.labels import label_statement
from stonegate.errors import PlatformIsolationViolation, StonegateError
from stonegate.fleet.adoption import adopt_database, find_database, label_of
from stonegate.fleet.names import Owner, v1_owner
from stonegate.fleet.records import DatabaseRecord
from tests.fleet.shell import Shell, shell

__all__ = ["shell"]


def test_what_may_not_be_adopted(shell: Shell) -> None:
    fleet, main = shell.fleet, v1_owner(shell.fleet.name, None)

    def adopt(owner: Owner, database: str) -> None:
        asyncio.run(adopt_database(fleet.registry, fleet.url, owner, database))

    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_main")
    assert "no platform" in shell.run("platform", "adopt", fleet.name, f"{fleet.name}_main").stderr
    mould, half = f"{fleet.name}_mould", f"{fleet.name}_half"
    fleet.rows("postgres", f"CREATE DATABASE {mould} IS_TEMPLATE true")
    fleet.rows("postgres", f"CREATE DATABASE {half}")
    fleet.rows("postgres", label_statement(half, replace(label_of(main), unfinished=True)).as_string())
    for database, message in (
        ("postgres", "belongs to no platform"),
        ("template1", "belongs to no platform"),
        ("stonegate_ref_1", "belongs to no platform"),
        (mould, "is a template"),
        (half, "still being made"),
        ("nowhere", "no database nowhere"),
    ):
        with pytest.raises(StonegateError, match=message):
            adopt(main, database)
    assert fleet.registry.platforms() == ()
    for _ in range(2):
        adopt(main, f"{fleet.name}_main")
    with pytest.raises(PlatformIsolationViolation, match=f"{fleet.name}_main belongs to platform {fleet.name}, main"):
        adopt(v1_owner(fleet.name, "x"), f"{fleet.name}_main")
    assert len(fleet.registry.platform(fleet.name).databases) == 1


@pytest.mark.parametrize("options", [("--schema", "app"), ()], ids=["of a schema", "without one"])
def test_the_advice_to_adopt_is_taken_as_it_is_printed(shell: Shell, options: tuple[str, ...]) -> None:
    """Another schema, or another spelling of the tenant, would make the database somebody else's for good."""
    fleet = shell.fleet
    database = "_".join((fleet.name, *options[1:], "a_1"))
    shell.done("platform", "register", fleet.name)
    shell.done("platform", "upload", fleet.name, str(fleet.folder), "--schema", "app")
    fleet.rows("postgres", f"CREATE DATABASE {database}")
    registry, owner = fleet.registry, Owner(platform=fleet.name, schema="app" if options else None, tenant="A-1")
    if options:
        told = shell.run("tenant", "create", "A-1", "--platform", fleet.name, *options).stderr
    else:
        fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_a_main")  # another platform, to which it may belong
        with pytest.raises(PlatformIsolationViolation) as refused:
            asyncio.run(find_database(registry, fleet.url, owner))
        told = refused.value.hint or ""
    command = shlex.split(told[told.index("stonegate platform adopt") :])  # which may be printed in two lines
    shell.done(*command[1:])
    found = asyncio.run(find_database(registry, fleet.url, owner))
    assert found is not None and found.database == database


def test_what_the_original_deployed_is_adopted(shell: Shell) -> None:
    fleet = shell.fleet
    shell.done("platform", "register", fleet.name)
    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_main")
    fleet.rows("postgres", f"CREATE DATABASE {fleet.name}_t7")
    fleet.rows("postgres", f"COMMENT ON DATABASE {fleet.name}_t7 IS 'ask Ada first'")
    shell.done("platform", "adopt", fleet.name, f"{fleet.name}_main")
    shell.apart = True
    shell.done("platform", "adopt", fleet.name, f"{fleet.name}_t7")
    shell.apart = False
    assert [one["id"] for one in shell.json("platform", "databases", fleet.name)] == ["main", "t7"]
    shell.apart = True
    shell.done("apply", str(fleet.folder), "--platform", fleet.name, "--yes")
    shell.apart = False
    assert fleet.rows(f"{fleet.name}_main", "SELECT count(*) FROM notes") == [(2,)]
    shell.done("platform", "register", f"{fleet.name}_other")
    shell.done("platform", "adopt", f"{fleet.name}_other", f"{fleet.name}_t7", code=2)
    owner = v1_owner(fleet.name, "t7")
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    assert fleet.rows("postgres", comment, owner.database) == [(f"{label_of(owner).text}\nask Ada first",)]


def test_a_database_that_is_given_to_the_role_of_its_platform_has_not_drifted(shell: Shell) -> None:
    fleet = shell.fleet
    shell.done("apply", str(fleet.folder), "-d", f"{fleet.name}_main", "--yes")
    shell.done("platform", "register", fleet.name, "--db-user", f"{fleet.name}role")
    shell.done("platform", "adopt", fleet.name, f"{fleet.name}_main")
    assert shell.json("status", "--platform", fleet.name)["drift"] == []


def test_an_adoption_for_a_schema_that_is_not_stored_says_so(shell: Shell) -> None:
    """As one that was mistyped."""
    name, database = shell.fleet.name, f"{shell.fleet.name}_by_hand"
    shell.fleet.rows("postgres", f"CREATE DATABASE {database}")
    shell.done("platform", "register", name)
    shell.done("platform", "upload", name, str(shell.fleet.folder), "--schema", "app")
    told = shell.run("platform", "adopt", name, database, "--schema", "ap", "--tenant", "a")
    assert told.returncode == 0 and f"stonegate platform upload {name} FOLDER --schema ap" in told.stderr
    told = shell.run("platform", "adopt", name, database, "--schema", "app", "--tenant", "a", "--from", name)
    assert (told.returncode, told.stderr) == (0, "")


def test_an_adoption_asks_where_the_name_may_be_that_of_a_stored_folder_s_tenant(shell: Shell) -> None:
    """It became another tenant's, and the folder was not deployed to it."""
    name, database = shell.fleet.name, f"{shell.fleet.name}_app_a"
    shell.fleet.rows("postgres", f"CREATE DATABASE {database}")
    shell.done("platform", "register", name)
    shell.done("platform", "upload", name, str(shell.fleet.folder), "--schema", "app")
    asked = shell.run("platform", "adopt", name, database)
    assert asked.returncode == 2 and "may be that of" in asked.stderr
    command = shlex.split(asked.stderr[asked.stderr.index("stonegate platform adopt") :].partition(";")[0])
    assert command[5:] == ["--schema", "app", "--tenant", "a"]
    shell.done(*command[1:])
    shell.done("apply", "--platform", name, "--schema", "app")


def test_an_adoption_for_the_wrong_tenant_is_corrected_as_the_advice_says(shell: Shell) -> None:
    """It could be undone in platform.json and the label alone."""
    fleet, database = shell.fleet, f"{shell.fleet.name}_by_hand"
    fleet.rows("postgres", f"CREATE DATABASE {database}")
    for name in (fleet.name, f"{fleet.name}_other"):
        shell.done("platform", "register", name)
    shell.done("platform", "adopt", fleet.name, database, "--tenant", "a")
    told = shell.run("platform", "adopt", fleet.name, database, "--tenant", "b").stderr
    command = shlex.split(told[told.index("stonegate platform adopt") :])
    assert command[-2:] == ["--from", fleet.name]
    shell.done(*command[1:])
    assert [one["id"] for one in shell.json("platform", "databases", fleet.name)] == ["b"]
    found = asyncio.run(find_database(fleet.registry, fleet.url, v1_owner(fleet.name, "b")))
    assert found is not None and found.database == database
    shell.done("apply", str(fleet.folder), "--platform", fleet.name, "--tenant", "b", "--yes")
    other = shell.run(
        "platform", "adopt", f"{fleet.name}_other", database, "--tenant", "b", "--from", f"{fleet.name}_x"
    )
    assert other.returncode == 2 and "another platform" in other.stderr


@pytest.mark.parametrize(
    ("before", "after"), [(True, True), (True, False), (False, True)], ids=["both", "of wrong", "of right"]
)
def test_an_adoption_for_the_wrong_platform_is_corrected(shell: Shell, before: bool, after: bool) -> None:
    """The role of the wrong one has it no more, nor do its records. The same folder may be deployed again, which
    wanted the owner that everything had before."""
    fleet, database = shell.fleet, f"{shell.fleet.name}_by_hand"
    wrong, right = (f"{fleet.name}{word}" for word in ("wrong", "right"))
    fleet.rows("postgres", f"CREATE DATABASE {database}")
    for name, has_role in ((wrong, before), (right, after)):
        shell.done("platform", "register", name, *(("--db-user", f"{name}role") if has_role else ()))
    shell.done("platform", "adopt", wrong, database, "--tenant", "a")
    shell.done("apply", str(fleet.folder), "--platform", wrong, "--tenant", "a", "--yes")
    told = shell.run("platform", "adopt", right, database, "--tenant", "a")
    assert told.returncode == 2 and wrong not in told.stderr
    command = shlex.split(told.stderr[told.stderr.index("stonegate platform adopt") :])
    shell.done(*(wrong if word == "THAT_PLATFORM" else word for word in command[1:]))
    assert shell.json("platform", "databases", wrong) == []
    assert [one["database"] for one in shell.json("platform", "databases", right)] == [database]
    owners = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'"
    ((owner,),) = fleet.rows(database, owners)
    assert owner == (f"{right}role" if after else "postgres")
    if before:
        assert fleet.rows(database, f"SELECT has_database_privilege('{wrong}role', current_database(), 'CONNECT')") == [
            (False,)
        ]
    shell.done("tenant", "list", "--platform", right)
    shell.done("apply", str(fleet.folder), "--platform", right, "--tenant", "a", "--yes")
    assert shell.run("apply", str(fleet.folder), "--platform", wrong, "--tenant", "a", "--yes").returncode == 2


def test_a_database_that_is_gone_is_forgotten(shell: Shell) -> None:
    name, database = shell.fleet.name, f"{shell.fleet.name}_app_a"
    shell.done("platform", "register", name)
    shell.fleet.write(
        "functions/odd.sql", "CREATE FUNCTION odd() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM nowhere';"
    )
    told = shell.run("platform", "upload", name, str(shell.fleet.folder), "--schema", "app")
    assert told.returncode == 0 and "functions/odd.sql:1" in told.stderr and "nowhere" in told.stderr
    (shell.fleet.folder / "functions" / "odd.sql").unlink()
    shell.done("platform", "upload", name, str(shell.fleet.folder), "--schema", "app")
    shell.done("tenant", "create", "a", "b", "--platform", name, "--schema", "app")
    forget = ("platform", "forget", name, database)
    refused = shell.run(*forget)
    assert refused.returncode != 0 and f"the database {database} is there" in refused.stderr
    assert f"stonegate tenant drop {database} --platform {name}" in " ".join(refused.stderr.split())
    assert len(shell.fleet.registry.platform(name).databases) == 2
    shell.fleet.rows("postgres", f"DROP DATABASE {database}")
    shell.done("status", "--platform", name, "--all", code=7)
    assert f"{database} is forgotten; it was that of platform {name}, schema app, tenant a" in shell.done(*forget)
    shell.done("status", "--platform", name, "--all")
    assert [each.database for each in shell.fleet.registry.platform(name).databases] == [f"{name}_app_b"]
    unknown = shell.run(*forget)
    assert f"has no database {database} in its records" in unknown.stderr
    assert unknown.returncode == 2, "as for every name that the records lack: no server was asked"
    kept = shell.json(*forget[:-1], f"{name}_app_b", "--keep-database")
    assert kept == {
        "status": "forgotten",
        "platform": name,
        "database": f"{name}_app_b",
        "id": "b",
        "schema": "app",
    }
    assert shell.fleet.registry.platform(name).databases == ()
    assert shell.fleet.rows("postgres", f"SELECT FROM pg_database WHERE datname = '{name}_app_b'")


def test_a_record_that_differs_from_the_label_is_mended_as_the_advice_says(shell: Shell) -> None:
    fleet, name = shell.fleet, shell.fleet.name
    database = f"{name}_app_a"
    shell.done("platform", "register", name)
    shell.done("platform", "upload", name, str(fleet.folder), "--schema", "app")
    shell.done("tenant", "create", "a", "--platform", name, "--schema", "app")
    fleet.write("functions/more.sql", "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1';")
    apply = ("apply", str(fleet.folder), "--platform", name, "--schema", "app", "--yes")

    def advice(words: str) -> list[str]:
        """The command of the hint that begins with these words."""
        fleet.registry.forget(name, database)
        wrong = Owner(platform=name, schema="app", tenant="z")
        fleet.registry.record(DatabaseRecord(owner=wrong, database=database))
        told = " ".join(shell.run(*apply).stderr.split())
        command = shlex.split(told[told.index(words) :].partition(";")[0])
        shell.done(*command[1:])
        return command

    assert advice("stonegate platform forget")[-1] == "--keep-database"
    assert fleet.registry.platform(name).databases == ()
    assert advice("stonegate platform adopt")[-4:] == ["--tenant", "z", "--from", name]
    assert [each.owner.tenant for each in fleet.registry.platform(name).databases] == ["z"]
    shell.done(*apply)


def test_one_without_a_label_that_was_renamed_is_adopted_once_its_record_is_gone(shell: Shell) -> None:
    """The advice was to take another tenant for it."""
    fleet, name = shell.fleet, shell.fleet.name
    shell.done("platform", "register", name)
    record = DatabaseRecord(owner=v1_owner(name, "7"), database=f"{name}_7")
    fleet.registry.record(record)  # as the original did, whose databases have no label
    fleet.rows("postgres", f"CREATE DATABASE {name}_7_old")
    adopt = ("platform", "adopt", name, f"{name}_7_old", "--tenant", "7")
    told = shell.run(*adopt)
    assert told.returncode == 2 and "on record, and gone" in told.stderr
    forget = told.stderr[told.stderr.index("`stonegate ") + 1 :].partition("`")[0]
    shell.done(*shlex.split(forget)[1:])
    shell.done(*adopt)
    found = asyncio.run(find_database(fleet.registry, fleet.url, record.owner))
    assert found is not None and found.database == f"{name}_7_old"
    fleet.rows("postgres", f"CREATE DATABASE {name}_7_new")
    told = shell.run("platform", "adopt", name, f"{name}_7_new", "--tenant", "7")
    assert told.returncode == 2 and "name another tenant" in told.stderr
