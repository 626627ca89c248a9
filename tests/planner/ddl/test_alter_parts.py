"""Constraints, indexes, triggers, policies and views: from what is live to what a fresh build would have."""

from __future__ import annotations

import pytest

from stonegate.model.plan import Change
from tests.planner.ddl.support import Case, Outcome, assert_converged, change

T = "T x"
TABLE = 'CREATE TABLE "T x" (id integer NOT NULL, n integer NOT NULL, "Name" text);'
ROWS = """INSERT INTO "T x" VALUES (1, 5, 'a'), (2, 12, 'b')"""
OTHER = "CREATE TABLE other (id integer PRIMARY KEY, t integer, UNIQUE (t)); INSERT INTO other VALUES (1, 1), (2, 2);"
TOUCH = "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"


def add(*constraints: str) -> str:
    """ALTER TABLE that adds constraints."""
    return "".join(f'ALTER TABLE "T x" ADD CONSTRAINT {constraint};' for constraint in constraints)


def constraint(action: str, name: str, aspect: str = "", **names: str) -> Change:
    return change(action, "constraint", T, name, aspect, **names)  # type: ignore[arg-type]


CONSTRAINTS = (
    Case("add primary key", "", add("pk PRIMARY KEY (id)"), (constraint("create", "pk"),), ROWS, common=TABLE),
    Case(
        "add each kind with comments",
        "",
        add(
            '"c 1" CHECK (n > 0)',
            "c2 CHECK (n > 1) NO INHERIT NOT VALID",
            'u UNIQUE NULLS NOT DISTINCT ("Name") WITH (fillfactor=40)',
            "d UNIQUE (n) DEFERRABLE INITIALLY DEFERRED",
            "e EXCLUDE USING btree (id WITH =) WHERE (n > 4)",
            "f FOREIGN KEY (id) REFERENCES other (id) ON DELETE SET NULL DEFERRABLE",
        )
        + """COMMENT ON CONSTRAINT "c 1" ON "T x" IS 'c'; COMMENT ON CONSTRAINT f ON "T x" IS 'f'""",
        tuple(constraint("create", name) for name in ("f", "c 1", "c2", "u", "d", "e")),
        ROWS,
        common=TABLE + OTHER,
    ),
    Case(
        "drop key and foreign key to it",
        add("pk PRIMARY KEY (id)") + 'ALTER TABLE other ADD CONSTRAINT f FOREIGN KEY (t) REFERENCES "T x" (id);',
        "",
        (constraint("drop", "pk"), change("drop", "constraint", "other", "f")),
        common=TABLE + ROWS + ";" + OTHER,
    ),
    Case(
        "another definition",
        add("c CHECK (n > 0)", "u UNIQUE (n)", "f FOREIGN KEY (id) REFERENCES other"),
        add("c CHECK (n > 1)", "u UNIQUE (n, id)", "f FOREIGN KEY (id) REFERENCES other (t) ON DELETE CASCADE"),
        tuple(constraint("recreate", name) for name in "cuf"),
        ROWS,
        common=TABLE + OTHER,
    ),
    Case(
        "renamed",
        add("c CHECK (n > 0)", "u UNIQUE (n)"),
        add('"C 2" CHECK (n > 0)', "v UNIQUE (n)"),
        (
            constraint("alter", "c", "name", before="c", after="C 2"),
            constraint("alter", "u", "name", before="u", after="v"),
        ),
        ROWS,
        common=TABLE,
    ),
    Case(
        "validated, and the way back",
        add("c CHECK (n > 0) NOT VALID", "d CHECK (n > 1)"),
        add("c CHECK (n > 0)", "d CHECK (n > 1) NOT VALID"),
        (constraint("alter", "c", "validated"), constraint("alter", "d", "validated")),
        ROWS,
        common=TABLE,
    ),
    Case(
        "comment",
        add("c CHECK (n > 0)", "d CHECK (n > 1)") + """COMMENT ON CONSTRAINT d ON "T x" IS 'd'""",
        add("c CHECK (n > 0)", "d CHECK (n > 1)") + """COMMENT ON CONSTRAINT c ON "T x" IS 'c'""",
        (constraint("alter", "c", "comment"), constraint("alter", "d", "comment")),
        ROWS,
        common=TABLE,
    ),
    Case(
        "marks move",
        add("u UNIQUE (n)", "v UNIQUE (id)") + 'ALTER TABLE "T x" CLUSTER ON u, REPLICA IDENTITY USING INDEX u',
        add("u UNIQUE (n)", "v UNIQUE (id)") + 'ALTER TABLE "T x" CLUSTER ON v, REPLICA IDENTITY USING INDEX v',
        (constraint("alter", "v", "clustered"), constraint("alter", "v", "replica_identity")),
        ROWS,
        common=TABLE,
    ),
    Case(
        "marks go",
        add("u UNIQUE (n)") + 'ALTER TABLE "T x" CLUSTER ON u, REPLICA IDENTITY USING INDEX u',
        add("u UNIQUE (n)"),
        (constraint("alter", "u", "clustered"), change("alter", "table", T, None, "replica_identity")),
        ROWS,
        common=TABLE,
    ),
    Case(
        "marks come with what is new",
        "",
        add("u UNIQUE (n)") + 'CREATE UNIQUE INDEX i ON "T x" (id); '
        'ALTER TABLE "T x" CLUSTER ON u, REPLICA IDENTITY USING INDEX i',
        (constraint("create", "u"), change("create", "index", "i", table=T)),
        ROWS,
        common=TABLE,
    ),
)

INDEXES = (
    Case(
        "created, dropped, recreated",
        'CREATE INDEX gone ON "T x" (n); CREATE INDEX "Other One" ON "T x" (n, id);',
        """CREATE UNIQUE INDEX "New" ON "T x" (lower("Name") DESC, n) INCLUDE (id) WHERE (n > 4);
        CREATE INDEX "Other One" ON "T x" (id, n);
        COMMENT ON INDEX "New" IS 'new'; ALTER INDEX "New" ALTER COLUMN 1 SET STATISTICS 44""",
        (
            change("drop", "index", "gone", table=T),
            change("create", "index", "New", table=T),
            change("recreate", "index", "Other One", table=T),
        ),
        ROWS,
        common=TABLE,
    ),
    Case(
        "altered",
        """CREATE INDEX a ON "T x" ((n + 1), (id + 1)); COMMENT ON INDEX a IS 'a'; CREATE INDEX c ON "T x" (id);
        ALTER INDEX a ALTER COLUMN 1 SET STATISTICS 10; ALTER INDEX a ALTER COLUMN 2 SET STATISTICS 11;
        ALTER TABLE "T x" CLUSTER ON c""",
        """CREATE INDEX "B b" ON "T x" ((n + 1), (id + 1)); CREATE INDEX c ON "T x" (id);
        ALTER INDEX "B b" ALTER COLUMN 2 SET STATISTICS 12""",
        (
            change("alter", "index", "a", None, "name", table=T, before="a", after="B b"),
            change("alter", "index", "B b", None, "comment", table=T),
            change("alter", "index", "B b", None, "statistics", table=T),
            change("alter", "index", "c", None, "clustered", table=T),
        ),
        ROWS,
        common=TABLE,
    ),
    Case(
        "of a materialised view",
        'CREATE MATERIALIZED VIEW m AS SELECT n FROM "T x"; CREATE INDEX gone ON m (n);',
        'CREATE MATERIALIZED VIEW m AS SELECT n FROM "T x"; CREATE INDEX made ON m (n DESC);'
        "ALTER TABLE m CLUSTER ON made",
        (change("drop", "index", "gone", table="m"), change("create", "index", "made", table="m")),
        ROWS,
        common=TABLE,
    ),
)

CODE = (
    Case(
        "triggers",
        """CREATE TRIGGER gone AFTER INSERT ON "T x" EXECUTE FUNCTION touch();
        CREATE TRIGGER other BEFORE INSERT ON "T x" FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE TRIGGER state BEFORE INSERT ON "T x" FOR EACH ROW EXECUTE FUNCTION touch();""",
        """CREATE TRIGGER "New" BEFORE UPDATE OF n ON "T x" FOR EACH ROW EXECUTE FUNCTION touch();
        COMMENT ON TRIGGER "New" ON "T x" IS 'x'; ALTER TABLE "T x" ENABLE ALWAYS TRIGGER "New";
        CREATE TRIGGER other AFTER INSERT ON "T x" FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE TRIGGER state BEFORE INSERT ON "T x" FOR EACH ROW EXECUTE FUNCTION touch();
        COMMENT ON TRIGGER state ON "T x" IS 'y'; ALTER TABLE "T x" DISABLE TRIGGER state;""",
        (
            change("drop", "trigger", T, "gone"),
            change("create", "trigger", T, "New"),
            change("recreate", "trigger", T, "other"),
            change("alter", "trigger", T, "state", "enabled"),
            change("alter", "trigger", T, "state", "comment"),
        ),
        ROWS,
        common=TABLE + TOUCH,
    ),
    Case(
        "policies and row-level security",
        """CREATE POLICY gone ON "T x"; CREATE POLICY other ON "T x" USING (n > 0);
        ALTER TABLE "T x" FORCE ROW LEVEL SECURITY""",
        """CREATE POLICY "New" ON "T x" AS RESTRICTIVE FOR UPDATE TO ddl_reader USING (n > 0) WITH CHECK (id > 0);
        CREATE POLICY other ON "T x" FOR SELECT TO ddl_writer, ddl_reader USING (n > 1);
        COMMENT ON POLICY other ON "T x" IS 'o'; ALTER TABLE "T x" ENABLE ROW LEVEL SECURITY""",
        (
            change("drop", "policy", T, "gone"),
            change("create", "policy", T, "New"),
            change("recreate", "policy", T, "other"),
            change("alter", "table", T, None, "row_security"),
            change("alter", "table", T, None, "force_row_security"),
        ),
        ROWS,
        common=TABLE,
    ),
    Case(
        "policy comment",
        "",
        """COMMENT ON POLICY p ON "T x" IS 'p'""",
        (change("alter", "policy", T, "p", "comment"),),
        common=TABLE + 'CREATE POLICY p ON "T x";',
    ),
    Case(
        "a view is replaced",
        'CREATE VIEW v WITH (security_barrier=true) AS SELECT n FROM "T x"; GRANT SELECT ON v TO ddl_reader',
        """CREATE VIEW v WITH (security_barrier=true) AS SELECT n, id AS "New" FROM "T x" WHERE id > 0;
        GRANT SELECT ON v TO ddl_reader; COMMENT ON COLUMN v."New" IS 'new'""",
        (change("replace", "view", "v"), change("alter", "column", "v", "New", "comment")),
        ROWS,
        common=TABLE,
    ),
    Case(
        "a view is recreated with all that belongs to it",
        'CREATE VIEW v AS SELECT n FROM "T x";',
        """CREATE VIEW v WITH (security_invoker=true, check_option=cascaded) AS SELECT id AS "N" FROM "T x";
        COMMENT ON VIEW v IS 'v'; COMMENT ON COLUMN v."N" IS 'n'; ALTER VIEW v ALTER "N" SET DEFAULT 5;
        GRANT SELECT ON v TO ddl_reader; GRANT UPDATE ("N") ON v TO ddl_writer; ALTER VIEW v OWNER TO ddl_writer;
        CREATE TRIGGER i INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION touch()""",
        (change("recreate", "view", "v"),),
        ROWS,
        common=TABLE + TOUCH,
    ),
    Case(
        "aspects of a view",
        """CREATE VIEW v WITH (security_barrier=true, check_option=local) AS SELECT n, id FROM "T x";
        ALTER VIEW v ALTER n SET DEFAULT 1; COMMENT ON VIEW v IS 'v'""",
        """CREATE VIEW v WITH (security_invoker=true, check_option=cascaded) AS SELECT n, id FROM "T x";
        ALTER VIEW v ALTER id SET DEFAULT 2; GRANT SELECT ON v TO ddl_reader; GRANT SELECT (n) ON v TO ddl_writer;
        ALTER VIEW v OWNER TO ddl_writer""",
        tuple(change("alter", "view", "v", None, aspect) for aspect in ("options", "comment", "owner", "privileges"))
        + tuple(change("alter", "column", "v", name, "default") for name in ("n", "id"))
        + (change("alter", "column", "v", "n", "privileges"),),
        ROWS,
        common=TABLE,
    ),
    Case(
        "a materialised view is recreated, another altered",
        'CREATE MATERIALIZED VIEW m AS SELECT n FROM "T x"; CREATE MATERIALIZED VIEW w AS SELECT n FROM "T x";',
        """CREATE MATERIALIZED VIEW m WITH (fillfactor=55) AS SELECT id FROM "T x"; CREATE INDEX i ON m (id);
        CREATE MATERIALIZED VIEW w WITH (fillfactor=66) AS SELECT n FROM "T x"; COMMENT ON MATERIALIZED VIEW w IS 'w';
        ALTER MATERIALIZED VIEW w ALTER n SET STATISTICS 5; ALTER MATERIALIZED VIEW w OWNER TO ddl_writer""",
        (
            change("recreate", "materialized view", "m"),
            change("alter", "materialized view", "w", None, "options"),
            change("alter", "materialized view", "w", None, "comment"),
            change("alter", "materialized view", "w", None, "owner"),
            change("alter", "column", "w", "n", "statistics"),
        ),
        ROWS,
        common=TABLE,
    ),
    Case(
        "routines",
        """CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION g(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION gone(numeric, text[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE PROCEDURE p(OUT a integer, b text) LANGUAGE plpgsql AS 'BEGIN END';
        CREATE PROCEDURE p(OUT a integer, OUT b integer) LANGUAGE plpgsql AS 'BEGIN END';
        CREATE AGGREGATE total(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
        CREATE AGGREGATE at(double precision ORDER BY integer)
            (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);""",
        """CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE sql STABLE AS 'SELECT 2';
        CREATE FUNCTION g(a integer) RETURNS text LANGUAGE sql AS $$ SELECT 'x'::text $$;
        REVOKE EXECUTE ON FUNCTION g(integer) FROM PUBLIC; COMMENT ON FUNCTION g(integer) IS 'g';
        ALTER FUNCTION g(integer) OWNER TO ddl_writer;
        CREATE PROCEDURE p(OUT a integer, OUT b integer) LANGUAGE plpgsql AS 'BEGIN END'""",
        (
            change("replace", "routine", "f", arguments="integer"),
            change("recreate", "routine", "g", arguments="integer"),
            change("drop", "routine", "gone", arguments="numeric, text[]"),
            change("drop", "routine", "p", arguments="text"),
            change("drop", "routine", "total", arguments=""),
            change("drop", "routine", "at", arguments="double precision, integer"),
        ),
    ),
    Case(
        "aspects of routines",
        "",
        """COMMENT ON FUNCTION f(integer) IS 'f'; GRANT EXECUTE ON FUNCTION f(integer) TO ddl_reader WITH GRANT OPTION;
        ALTER FUNCTION f(integer) OWNER TO ddl_writer; REVOKE EXECUTE ON PROCEDURE p(text) FROM PUBLIC;
        COMMENT ON PROCEDURE p(text) IS 'p'; COMMENT ON AGGREGATE total(*) IS 't';
        ALTER AGGREGATE total(*) OWNER TO ddl_writer; GRANT EXECUTE ON FUNCTION total() TO ddl_reader""",
        tuple(
            change("alter", "routine", name, None, aspect, arguments=arguments)
            for name, arguments in (("f", "integer"), ("p", "text"), ("total", ""))
            for aspect in ("comment", "owner", "privileges")
            if (name, aspect) != ("p", "owner")
        ),
        common="""CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE PROCEDURE p(text) LANGUAGE plpgsql AS 'BEGIN END';
        CREATE AGGREGATE total(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');""",
    ),
)

CASES = (*CONSTRAINTS, *INDEXES, *CODE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_parts_become_as_declared(case: Case, outcomes: dict[str, Outcome]) -> None:
    assert_converged(case, outcomes)
