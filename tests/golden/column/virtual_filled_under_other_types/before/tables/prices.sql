CREATE TABLE prices (
    id integer PRIMARY KEY,
    net integer NOT NULL,
    rate integer NOT NULL,
    gross integer GENERATED ALWAYS AS (net * rate) VIRTUAL,
    label text GENERATED ALWAYS AS ('no. ' || id::text) VIRTUAL
);
CREATE TABLE old_prices () INHERITS (prices);
