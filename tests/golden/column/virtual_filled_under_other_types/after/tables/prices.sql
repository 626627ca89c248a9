CREATE TABLE prices (
    id integer PRIMARY KEY,
    net bigint NOT NULL,
    gross bigint NOT NULL DEFAULT 0,
    label varchar
);
CREATE TABLE old_prices () INHERITS (prices);
