"""Types, and tables that use them, each kind in several forms."""

from __future__ import annotations

from tests.properties.kinds.kind import Kind, in_folder, life

TYPES: dict[str, Kind] = {
    "enum": Kind(
        forms=(
            {
                "types/kind_enum.sql": "CREATE TYPE weather AS ENUM ('sun', 'rain');\n",
                "tables/kind_enum.sql": "CREATE TABLE sky (id integer PRIMARY KEY, now weather DEFAULT 'sun');\n",
            },
            {
                "types/kind_enum.sql": "CREATE TYPE weather AS ENUM ('fog', 'sun', 'hail', 'rain');\n",
                "tables/kind_enum.sql": "CREATE TABLE sky (id integer PRIMARY KEY, now weather DEFAULT 'fog');\n",
            },
            {
                "types/kind_enum.sql": "CREATE TYPE weather AS ENUM ('sun', 'rain', 'Snow''s');\n"
                "COMMENT ON TYPE weather IS 'outside';\n",
                "tables/kind_enum.sql": "CREATE TABLE sky (id integer PRIMARY KEY, now weather NOT NULL);\n",
            },
        ),
        rows={"sky": "INSERT INTO sky VALUES (1, 'sun'), (2, 'rain')"},
        shows=life("enum"),
    ),
    "composite": Kind(
        forms=(
            {
                "types/kind_composite.sql": "CREATE TYPE place AS (x integer, y integer);\n",
                "tables/kind_composite.sql": "CREATE TABLE spot (id integer PRIMARY KEY, at place);\n",
            },
            {
                "types/kind_composite.sql": "CREATE TYPE place AS (x integer, y integer, z text);\n",
                "tables/kind_composite.sql": "CREATE TABLE spot (id integer PRIMARY KEY, at place);\n",
            },
            {
                "types/kind_composite.sql": "CREATE TYPE place AS (x integer, y integer);\n"
                "COMMENT ON TYPE place IS 'here';\n",
                "tables/kind_composite.sql": "CREATE TABLE spot (id integer PRIMARY KEY, at place[]);\n",
            },
            {"types/kind_composite.sql": "CREATE TYPE place AS (x bigint, y numeric(6,2));\n"},
        ),
        rows={"spot": "INSERT INTO spot (id) VALUES (1), (2)"},
        shows=life("composite"),
    ),
    "domain": Kind(
        forms=in_folder(
            "types",
            "domain",
            "CREATE DOMAIN \"Zip Code\" AS text CHECK (VALUE ~ '^[0-9]+$');",
            "CREATE DOMAIN \"Zip Code\" AS text DEFAULT '0' NOT NULL CONSTRAINT digits CHECK (VALUE ~ '^[0-9]{5}$');",
            'CREATE DOMAIN "Zip Code" AS varchar(5);',
        ),
        shows=life("domain"),
    ),
    "range": Kind(
        forms=in_folder(
            "types",
            "range",
            "CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);",
            "CREATE TYPE span AS RANGE (subtype = float8);",
            "CREATE TYPE span AS RANGE (subtype = numeric);\nCOMMENT ON TYPE span IS 'numbers';",
        ),
        shows=life("range"),
    ),
}
