CREATE TABLE t (
    id int PRIMARY KEY,
    name text,
    born date DEFAULT '2000-01-01',
    address text NOT NULL DEFAULT '',
    "At" timestamptz
);
