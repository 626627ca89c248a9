"""What leads from one release to the next, in the order in which releases have it: migrations, seeders, extensions."""

from __future__ import annotations

from tests.properties.kinds.kind import Kind, life

_RENAME = "ALTER TABLE diary RENAME COLUMN note TO remark;\n"
_RETYPE = """UPDATE diary SET remark = '' WHERE remark IS NULL;
-- stonegate: allow set_not_null diary.remark
ALTER TABLE diary ALTER COLUMN remark SET NOT NULL;
-- stonegate: allow modify_column_type diary.day
ALTER TABLE diary ALTER COLUMN day TYPE date USING day::date;
"""
# Without a note, where none is needed.
_DIARY = """INSERT INTO diary SELECT d.id, (
    SELECT '' FROM pg_attribute WHERE attrelid = 'diary'::regclass AND attname IN ('note', 'remark') AND attnotnull
), d.day FROM (VALUES (1, date '2024-02-29'), (2, '1999-01-01')) AS d (id, day)"""
_INDEX = "-- stonegate: no-transaction\nCREATE INDEX CONCURRENTLY diary_day ON diary (day);\n"
_COUNTRIES = "INSERT INTO country (code, name) VALUES ('de', 'Germany'), ('fr', NULL);\n"

HISTORY: dict[str, Kind] = {
    "migrations": Kind(
        forms=(
            {
                "migrations/.keep": "",
                "tables/kind_migrations.sql": "CREATE TABLE diary (id integer PRIMARY KEY, note text, day text);\n",
            },
            {
                "migrations/001_rename.sql": _RENAME,
                "tables/kind_migrations.sql": "CREATE TABLE diary (id integer PRIMARY KEY, remark text, day text);\n",
            },
            {
                "migrations/001_rename.sql": _RENAME,
                "migrations/002_retype.sql": _RETYPE,
                "tables/kind_migrations.sql": "CREATE TABLE diary (id integer PRIMARY KEY, remark text NOT NULL,\n"
                "    day date);\n",
            },
            {
                "migrations/001_rename.sql": _RENAME,
                "migrations/002_retype.sql": _RETYPE,
                "migrations/003_index.sql": _INDEX,
                "tables/kind_migrations.sql": "CREATE TABLE diary (id integer PRIMARY KEY, remark text NOT NULL,\n"
                "    day date);\nCREATE INDEX diary_day ON diary (day);\n",
            },
        ),
        rows={"diary": _DIARY},
        rewritten=frozenset({"diary.remark", "diary.day"}),
        shows=frozenset({"+migration"}),
        in_order=True,
    ),
    "seeders": Kind(
        forms=(
            {
                "tables/kind_seeders.sql": "CREATE TABLE country (code text PRIMARY KEY, name text);\n",
                "seeders/country.sql": _COUNTRIES,
            },
            {
                "tables/kind_seeders.sql": "CREATE TABLE country (code text PRIMARY KEY, name text, area bigint);\n"
                "CREATE TABLE city (id serial PRIMARY KEY, country text REFERENCES country (code));\n",
                "seeders/country.sql": _COUNTRIES,
                "seeders/city.sql": "INSERT INTO city (id, country) VALUES (7, 'fr'), (9, 'de');\n",
            },
            {
                "tables/kind_seeders.sql": "CREATE TABLE country (code varchar(2) PRIMARY KEY, name text);\n",
                "seeders/country.sql": _COUNTRIES + "INSERT INTO country (code, name) VALUES ('it', 'It''s');\n",
            },
        ),
        shows=life("seeder"),
        in_order=True,
    ),
    "extension": Kind(
        forms=(
            {
                "extensions/citext.sql": "CREATE EXTENSION citext;\n",
                "tables/kind_extension.sql": "CREATE TABLE tagged (id integer PRIMARY KEY, label citext);\n",
            },
            {
                "extensions/pg_trgm.sql": "-- version: 1.5\n",
                "tables/kind_extension.sql": "CREATE TABLE tagged (id integer PRIMARY KEY, label text);\n"
                "CREATE INDEX tagged_label ON tagged USING gin (label gin_trgm_ops);\n",
            },
            {
                "extensions/pg_trgm.sql": "-- version: 1.6\n",
                "extensions/hstore.sql": "-- schema: extra\n",
                "tables/kind_extension.sql": "CREATE TABLE tagged (id integer PRIMARY KEY, label text,\n"
                "    more extra.hstore);\nCREATE INDEX tagged_label ON tagged USING gist (label gist_trgm_ops);\n",
            },
        ),
        rows={"tagged": "INSERT INTO tagged (id, label) VALUES (1, 'A'), (2, NULL)"},
        shows=life("extension"),
        in_order=True,
    ),
}
