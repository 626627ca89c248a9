CREATE TABLE items (id integer PRIMARY KEY, price integer, gross integer GENERATED ALWAYS AS (price * 2) STORED);
CREATE TABLE parts (id integer PRIMARY KEY, price integer, luck double precision DEFAULT random());
CREATE TABLE spare_parts () INHERITS (parts);
