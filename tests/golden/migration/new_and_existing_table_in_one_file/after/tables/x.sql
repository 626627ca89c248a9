CREATE TABLE x (id integer PRIMARY KEY, y text NOT NULL DEFAULT 'q', z integer REFERENCES a, CONSTRAINT y_ok CHECK (y <> ''), w integer GENERATED ALWAYS AS (z + 1) STORED);
CREATE INDEX x_y ON x (y);
CREATE INDEX ON x (z);
