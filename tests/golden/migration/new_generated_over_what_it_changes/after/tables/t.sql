CREATE TABLE t (
    id integer PRIMARY KEY,
    n integer,
    g integer,
    name text,
    added integer,
    over_plain integer GENERATED ALWAYS AS (g + 1) STORED,
    over_renamed integer GENERATED ALWAYS AS (length(name)) STORED,
    over_added integer GENERATED ALWAYS AS (added + 1) STORED
);
