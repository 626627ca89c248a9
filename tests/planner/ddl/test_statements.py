"""SQL generation without a database: how clauses combine, how things are dropped, and what is refused."""

from __future__ import annotations

import itertools

import pytest

from stonegate.errors import MigrationBlocked
from stonegate.model.catalog import (
    Access,
    Catalog,
    Column,
    Constraint,
    DefaultPrivileges,
    DomainType,
    EnumType,
    Extension,
    OtherObject,
    Privilege,
    Routine,
    Schema,
    Sequence,
    SequenceOptions,
    Table,
)
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.planner import ddl
from tests.planner.ddl.support import change, key

USERS = QualifiedName("public", "users")
ORDERS = QualifiedName("public", "orders")
NOBODY = Access()


def clause(text: str, order: int, table: QualifiedName = USERS) -> ddl.Clause:
    return ddl.Clause(table=table, clause=text, order=order)


EMPTY = Catalog()


def context(*, live: Catalog = EMPTY) -> ddl.DdlContext:
    return ddl.DdlContext(desired=EMPTY, live=live)


# --- combine --------------------------------------------------------------------------------------------------------

ADD = clause("ADD COLUMN a integer", ddl.Order.ADD_COLUMN)
DROP = clause("DROP COLUMN b", ddl.Order.DROP_COLUMN)
CHECK = clause("ADD CONSTRAINT c CHECK (a > 0)", ddl.Order.ADD_CONSTRAINT)


def test_clauses_of_a_table_share_one_alter_table_whatever_their_order() -> None:
    for shuffled in itertools.permutations((ADD, DROP, CHECK)):
        assert ddl.combine(shuffled) == (
            "ALTER TABLE public.users\n"
            "    DROP COLUMN b,\n    ADD COLUMN a integer,\n    ADD CONSTRAINT c CHECK (a > 0)",
        )


def test_a_single_clause_is_one_line_and_said_once() -> None:
    assert ddl.combine((ADD, ADD)) == ("ALTER TABLE public.users ADD COLUMN a integer",)
    assert ddl.combine(()) == ()


def test_foreign_keys_go_first_and_come_last_over_all_tables() -> None:
    drop_key = clause("DROP CONSTRAINT f", ddl.Order.DROP_FOREIGN_KEY, ORDERS)
    add_key = clause("ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES users", ddl.Order.ADD_FOREIGN_KEY, ORDERS)
    index = ddl.Clause(statement="CREATE INDEX i ON public.users (a)", order=ddl.Order.CREATE_INDEX)
    assert ddl.combine((add_key, index, ADD, drop_key)) == (
        "ALTER TABLE public.orders DROP CONSTRAINT f",
        "ALTER TABLE public.users ADD COLUMN a integer",
        "CREATE INDEX i ON public.users (a)",
        "ALTER TABLE public.orders ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES users",
    )


def test_statements_of_one_order_stay_in_theirs() -> None:
    statements = tuple(f"SELECT {number}" for number in range(5))
    assert ddl.combine(ddl.Clause(statement=text) for text in statements) == statements


# --- DROP -----------------------------------------------------------------------------------------------------------


def routine(kind: str) -> Routine:
    return Routine(schema="s", name="f", kind=kind, arguments=("numeric(1,2)",), head="", definition="", access=NOBODY)


@pytest.mark.parametrize(
    ("found", "thing", "statement"),
    [
        (key("schema", "S s"), None, 'DROP SCHEMA "S s"'),
        (key("extension", "uuid-ossp"), None, 'DROP EXTENSION "uuid-ossp"'),
        (key("type", "s.m"), None, "DROP TYPE s.m"),
        (key("type", "d"), DomainType(schema="public", name="d", base="text", access=NOBODY), "DROP DOMAIN public.d"),
        (key("sequence", "order"), None, 'DROP SEQUENCE public."order"'),
        (key("table", "t"), None, "DROP TABLE public.t"),
        (
            key("table", "t"),
            Table(schema="public", name="t", kind="foreign table", access=NOBODY),
            "DROP FOREIGN TABLE public.t",
        ),
        (key("view", "v"), None, "DROP VIEW public.v"),
        (key("materialized view", "v"), None, "DROP MATERIALIZED VIEW public.v"),
        (key("index", "s.i"), None, "DROP INDEX s.i"),
        (key("column", "t", 'a"b'), None, 'ALTER TABLE public.t DROP COLUMN "a""b"'),
        (key("constraint", "t", "c"), None, "ALTER TABLE public.t DROP CONSTRAINT c"),
        (key("attribute", "t", "a"), None, "ALTER TYPE public.t DROP ATTRIBUTE a"),
        (key("trigger", "t", "a"), None, "DROP TRIGGER a ON public.t"),
        (key("policy", "t", "p"), None, "DROP POLICY p ON public.t"),
        (key("routine", "s.f", arguments="integer, text[]"), None, "DROP ROUTINE s.f(integer, text[])"),
        (routine("function").key, routine("function"), "DROP FUNCTION s.f(numeric(1,2))"),
        (routine("procedure").key, routine("procedure"), "DROP PROCEDURE s.f(IN numeric(1,2))"),
        (routine("aggregate").key, routine("aggregate"), "DROP ROUTINE s.f(numeric(1,2))"),
        (
            ObjectKey(ObjectKind.OTHER, "", "rule r on t"),
            OtherObject(kind="rule", identity="r on t", definition="", drop="DROP RULE r ON public.t"),
            "DROP RULE r ON public.t",
        ),
    ],
    ids=str,
)
def test_everything_is_dropped_by_its_own_statement(found: ObjectKey, thing: object, statement: str) -> None:
    assert ddl.drop_statement(found, thing) == statement  # type: ignore[arg-type]


def test_what_nothing_drops_is_refused_with_a_hint() -> None:
    cast = OtherObject(kind="cast", identity="(a AS b)", definition="")
    for found, thing in ((cast.key, cast), (key("default privileges", "x"), None)):
        with pytest.raises(MigrationBlocked) as refusal:
            ddl.drop_statement(found, thing)
        assert refusal.value.hint == "drop it in a migration"


def test_what_has_no_create_statement_is_refused() -> None:
    with pytest.raises(MigrationBlocked, match="cannot write a CREATE statement"):
        ddl.create_statements(OtherObject(kind="operator family", identity="s.x", definition=""))


# --- objects without rows -------------------------------------------------------------------------------------------


def test_extensions() -> None:
    extension = Extension(name="uuid-ossp", version="1.1", schema="ext")
    assert ddl.create_statements(extension) == (
        """CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA ext VERSION '1.1'""",
    )
    for aspect, action in (("version", "UPDATE TO '1.1'"), ("schema", "SET SCHEMA ext")):
        found = change("alter", "extension", "uuid-ossp", None, aspect)
        statements = ddl.combine(ddl.alter(found, extension, extension, context()))
        assert statements == (f'ALTER EXTENSION "uuid-ossp" {action}',)


def test_schemas_belong_to_the_builder_unless_the_folder_names_another_role() -> None:
    def create(name: str, owner: str) -> tuple[str, ...]:
        return ddl.create_statements(Schema(name=name, access=Access(owner=owner)), builder="app")

    assert create("s", "app") == ("CREATE SCHEMA s",)
    assert create("s", "Other") == ("CREATE SCHEMA s", 'ALTER SCHEMA s OWNER TO "Other"')
    assert create("public", "app") == ()


RIGHTS = (
    Privilege(grantee="", privilege="SELECT"),
    Privilege(grantee="R", privilege="SELECT", grantable=True),
    Privilege(grantee="R", privilege="INSERT", grantable=True),
    Privilege(grantee="R", privilege="UPDATE"),
)


def table(access: Access) -> Table:
    return Table(schema="public", name="t", access=access)


def test_privileges_are_grouped_and_never_taken_away_undeclared() -> None:
    desired = table(Access(owner="app", granted=RIGHTS, revoked=(Privilege(grantee="app", privilege="DELETE"),)))
    assert ddl.privilege_statements(desired, Access()) == (
        "GRANT SELECT ON TABLE public.t TO PUBLIC",
        'GRANT SELECT, INSERT ON TABLE public.t TO "R" WITH GRANT OPTION',
        'GRANT UPDATE ON TABLE public.t TO "R"',
        "REVOKE DELETE ON TABLE public.t FROM app",
    )
    assert ddl.privilege_statements(table(Access()), Access(granted=RIGHTS)) == ()


def test_a_right_with_grant_option_includes_the_plain_one() -> None:
    plain, more = (Privilege(grantee="R", privilege="SELECT", grantable=grantable) for grantable in (False, True))
    assert ddl.privilege_statements(table(Access(granted=(plain,))), Access(granted=(more,))) == ()
    assert ddl.privilege_statements(table(Access(granted=(more,))), Access(granted=(plain,))) == (
        'GRANT SELECT ON TABLE public.t TO "R" WITH GRANT OPTION',
    )


def test_the_live_owner_stands_for_the_builder_of_the_reference() -> None:
    desired = table(Access(owner="app", revoked=(Privilege(grantee="app", privilege="DELETE"),)))
    live = Access(owner="tenant")
    assert ddl.privilege_statements(desired, live, "app") == ("REVOKE DELETE ON TABLE public.t FROM tenant",)


def test_default_privileges_say_what_the_live_entry_lacks() -> None:
    entry = DefaultPrivileges(role="app", schema="s", objects="tables", granted=RIGHTS[:1])
    statement = "ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC"
    found = change("alter", "default privileges", "app tables", None, "privileges")
    assert ddl.create_statements(entry) == (statement,)
    # The planner hands over the desired entry where there is no live one.
    assert ddl.combine(ddl.alter(found, entry, entry, context())) == (statement,)
    live = Catalog(default_privileges=(entry,))
    assert ddl.alter(found, entry, entry, context(live=live)) == ()


def test_global_default_privileges_can_revoke() -> None:
    entry = DefaultPrivileges(
        role="app", schema="", objects="functions", revoked=(Privilege(grantee="", privilege="EXECUTE"),)
    )
    assert ddl.create_statements(entry) == (
        "ALTER DEFAULT PRIVILEGES FOR ROLE app REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    )


def test_comments_on_objects_that_are_only_carried_along() -> None:
    for kind, identity, target in (
        ("rule", "r on public.t", "RULE r on public.t"),
        ("text search configuration", "s.c", "TEXT SEARCH CONFIGURATION s.c"),
    ):
        thing = OtherObject(kind=kind, identity=identity, definition="", comment="it's")
        found = change("alter", "other", thing.key.name, None, "comment")
        assert ddl.combine(ddl.alter(found, thing, thing, context())) == (f"COMMENT ON {target} IS 'it''s'",)


# --- refusals -------------------------------------------------------------------------------------------------------


def test_what_postgresql_cannot_alter_is_refused_with_a_hint() -> None:
    domain = DomainType(schema="public", name="d", base="text", access=NOBODY)
    order = EnumType(schema="public", name="m", labels=("a", "b"), access=NOBODY)
    moved = EnumType(schema="public", name="m", labels=("b", "a"), access=NOBODY)
    cases = (
        (change("alter", "type", "d", None, "base"), domain, domain),
        (change("alter", "table", "t", None, "partition_key"), table(NOBODY), table(NOBODY)),
        (change("alter", "type", "m", None, "labels"), moved, order),
    )
    for found, desired, live in cases:
        with pytest.raises(MigrationBlocked) as refusal:
            ddl.alter(found, desired, live, context())
        assert (refusal.value.hint or "").startswith("write a migration")


def test_labels_that_only_the_live_enum_has_stay() -> None:
    desired = EnumType(schema="public", name="m", labels=("a", "b", "c"), access=NOBODY)
    live = EnumType(schema="public", name="m", labels=("by hand", "b"), access=NOBODY)
    found = change("alter", "type", "m", None, "labels")
    assert ddl.combine(ddl.alter(found, desired, live, context())) == (
        "ALTER TYPE public.m ADD VALUE 'a' BEFORE 'b'",
        "ALTER TYPE public.m ADD VALUE 'c' AFTER 'b'",
    )


def test_a_domain_keeps_the_checks_that_nobody_declared() -> None:
    by_hand = Constraint(name="by hand", kind="check", definition="CHECK (VALUE <> 'x')")
    new = Constraint(name="new", kind="check", definition="CHECK (VALUE <> 'y')")
    desired = DomainType(schema="public", name="d", base="text", constraints=(new,), access=NOBODY)
    live = DomainType(schema="public", name="d", base="text", constraints=(by_hand,), access=NOBODY)
    found = change("alter", "type", "d", None, "constraints")
    assert ddl.combine(ddl.alter(found, desired, live, context())) == (
        "ALTER DOMAIN public.d ADD CONSTRAINT new CHECK (VALUE <> 'y')",
    )


def test_a_change_that_belongs_to_another_catalog_is_a_bug() -> None:
    with pytest.raises(LookupError, match="has no gone"):
        ddl.create_member(change("create", "column", "t", "gone"), table(NOBODY), context())


# --- sequences ------------------------------------------------------------------------------------------------------


def test_a_sequence_says_only_what_postgresql_would_not_choose() -> None:
    def create(**options: object) -> str:
        usual: dict[str, object] = {"type": "integer", "start": 1, "increment": 1, "minimum": 1, "maximum": 2**31 - 1}
        facts = SequenceOptions(**(usual | {"cache": 1, "cycle": False} | options))  # type: ignore[arg-type]
        (statement,) = ddl.create_statements(Sequence(schema="public", name="s", options=facts, access=NOBODY))
        return statement.removeprefix("CREATE SEQUENCE public.s ")

    assert create() == "AS integer"
    assert create(minimum=5, start=5) == "AS integer MINVALUE 5"
    assert create(start=9, cache=3, cycle=True) == "AS integer START WITH 9 CACHE 3 CYCLE"
    assert create(increment=-1, minimum=-(2**31), maximum=-1, start=-1) == "AS integer INCREMENT BY -1"


def test_a_sequence_gets_the_owner_that_makes_no_use_of_it() -> None:
    facts = SequenceOptions(type="bigint", start=1, increment=1, minimum=1, maximum=2**63 - 1, cache=1, cycle=False)
    sequence = Sequence(schema="public", name="s", options=facts, owned_by=("public", "t", "a"), access=NOBODY)
    column = Column(name="a", type="bigint")
    owner = Table(schema="public", name="t", columns=(column,), access=NOBODY)
    create = "CREATE SEQUENCE public.s AS bigint"
    assert ddl.create_statements(sequence) == (create,)
    assert ddl.create_statements(sequence, catalog=Catalog(tables=(owner,))) == (
        create,
        "ALTER SEQUENCE public.s OWNED BY public.t.a",
    )
