"""Views, routines and triggers, each kind in several forms."""

from __future__ import annotations

from tests.properties.kinds.kind import Kind, in_folder, life

_WATCH = "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
_WATCHED = "CREATE TABLE watched (id integer PRIMARY KEY, n integer);\n"
_BASE = 'CREATE TABLE "base rows" (id integer PRIMARY KEY, n integer);\n'

CODE: dict[str, Kind] = {
    "materialized": Kind(
        forms=(
            {
                "tables/kind_materialized.sql": _BASE,
                "views/kind_materialized.sql": 'CREATE MATERIALIZED VIEW kept AS SELECT id, n FROM "base rows";\n'
                "CREATE UNIQUE INDEX kept_id ON kept (id);\n",
            },
            {
                "tables/kind_materialized.sql": _BASE.replace("n integer", "n bigint"),
                "views/kind_materialized.sql": "CREATE MATERIALIZED VIEW kept AS\n"
                '    SELECT id, n, n * 2 AS twice FROM "base rows";\nCREATE INDEX kept_n ON kept (n);\n'
                "COMMENT ON MATERIALIZED VIEW kept IS 'slow';\n",
            },
            {
                "tables/kind_materialized.sql": _BASE,
                "views/kind_materialized.sql": "CREATE MATERIALIZED VIEW kept WITH (fillfactor=50) AS\n"
                '    SELECT n FROM "base rows";\nCREATE VIEW over_kept AS SELECT * FROM kept;\n',
            },
        ),
        rows={"base rows": 'INSERT INTO "base rows" VALUES (1, 2), (2, NULL)'},
        shows=life("materialized view"),
    ),
    "procedure": Kind(
        forms=in_folder(
            "functions",
            "procedure",
            "CREATE PROCEDURE run(a integer) LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;",
            "CREATE PROCEDURE run(a integer, INOUT b text DEFAULT 'x') LANGUAGE plpgsql AS $$ BEGIN b := a; END $$;",
            "CREATE PROCEDURE run(a integer) LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT 1';\n"
            "REVOKE EXECUTE ON PROCEDURE run(integer) FROM PUBLIC;\nCOMMENT ON PROCEDURE run(integer) IS 'once';",
        ),
        shows=life("procedure"),
    ),
    "overloads": Kind(
        forms=in_folder(
            "functions",
            "overloads",
            "CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n * 2';\n"
            "CREATE FUNCTION twice(t text) RETURNS text LANGUAGE sql AS 'SELECT t || t';",
            "CREATE FUNCTION twice(n bigint) RETURNS bigint LANGUAGE sql AS 'SELECT n * 2';\n"
            "CREATE FUNCTION twice(t text) RETURNS text LANGUAGE sql AS 'SELECT repeat(t, 2)';\n"
            "CREATE FUNCTION twice(t text, VARIADIC ns integer[]) RETURNS SETOF integer LANGUAGE sql\n"
            "    AS 'SELECT unnest(ns) * 2';",
            "CREATE FUNCTION twice(n integer) RETURNS TABLE (one integer, two integer) LANGUAGE plpgsql STABLE\n"
            "    AS $$ BEGIN RETURN QUERY SELECT n, n; END $$;\n"
            "CREATE FUNCTION twice(of anyelement) RETURNS anyarray LANGUAGE sql IMMUTABLE AS 'SELECT ARRAY[of, of]';",
        ),
        shows=life("function"),
    ),
    "trigger": Kind(
        forms=(
            {
                "tables/kind_trigger.sql": _WATCHED,
                "functions/kind_trigger.sql": _WATCH,
                "triggers/kind_trigger.sql": "CREATE TRIGGER watch AFTER INSERT ON watched\n"
                "    FOR EACH ROW EXECUTE FUNCTION watch();\n",
            },
            {
                "tables/kind_trigger.sql": _WATCHED,
                "functions/kind_trigger.sql": _WATCH,
                "triggers/kind_trigger.sql": "CREATE TRIGGER watch BEFORE UPDATE OF n ON watched FOR EACH ROW\n"
                "    WHEN (OLD.n IS DISTINCT FROM NEW.n) EXECUTE FUNCTION watch();\n"
                'CREATE TRIGGER "All rows" AFTER DELETE ON watched REFERENCING OLD TABLE AS gone\n'
                "    FOR EACH STATEMENT EXECUTE FUNCTION watch();\n"
                "COMMENT ON TRIGGER watch ON watched IS 'seen';\n",
            },
            {
                "tables/kind_trigger.sql": _WATCHED.replace("n integer", "n bigint"),
                "functions/kind_trigger.sql": _WATCH.replace("NEW", "NULL"),
                "triggers/kind_trigger.sql": "CREATE CONSTRAINT TRIGGER watch AFTER INSERT ON watched\n"
                "    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION watch();\n",
            },
        ),
        rows={"watched": "INSERT INTO watched VALUES (1, 2), (2, NULL)"},
        shows=life("trigger"),
    ),
    "views": Kind(
        forms=in_folder(
            "views",
            "views",
            "CREATE VIEW base AS SELECT 1 AS n;\nCREATE VIEW top AS SELECT n FROM base;",
            "CREATE VIEW base AS SELECT 1 AS n, 2 AS m;\n"
            "CREATE VIEW top WITH (security_barrier) AS SELECT n FROM base;\n"
            "GRANT SELECT ON top TO PUBLIC;",
            "CREATE VIEW base AS SELECT 'x'::text AS n;\nCREATE MATERIALIZED VIEW top AS SELECT n FROM base;\n"
            "CREATE INDEX top_n ON top (n);",
            "CREATE MATERIALIZED VIEW base AS SELECT 1::bigint AS n;\nCREATE VIEW top AS SELECT n + 1 AS n FROM base;",
        ),
        shows=life("view"),
    ),
    "functions": Kind(
        forms=in_folder(
            "functions",
            "functions",
            "CREATE FUNCTION atomic(x integer) RETURNS integer LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT x + 1; END;",
            "CREATE FUNCTION atomic(x integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN x + 1;\n"
            "REVOKE EXECUTE ON FUNCTION atomic(integer) FROM PUBLIC;",
            "CREATE FUNCTION atomic(y integer) RETURNS bigint LANGUAGE sql STABLE STRICT SET search_path = public\n"
            "    AS 'SELECT y::bigint';\nCOMMENT ON FUNCTION atomic(integer) IS 'one more';",
            "CREATE PROCEDURE atomic(x integer) LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN NULL; END $$;",
        ),
        shows=life("function"),
    ),
    "aggregate": Kind(
        forms=in_folder(
            "functions",
            "aggregate",
            "CREATE FUNCTION add_up(a integer, b integer) RETURNS integer LANGUAGE sql AS 'SELECT a + b';\n"
            "CREATE AGGREGATE grand(integer) (SFUNC = add_up, STYPE = integer, INITCOND = '0');",
            "CREATE FUNCTION add_up(a bigint, b integer) RETURNS bigint LANGUAGE sql AS 'SELECT a + b';\n"
            "CREATE AGGREGATE grand(integer) (SFUNC = add_up, STYPE = bigint, INITCOND = '1');\n"
            "COMMENT ON AGGREGATE grand(integer) IS 'sum';",
        ),
        shows=life("aggregate"),
    ),
}
