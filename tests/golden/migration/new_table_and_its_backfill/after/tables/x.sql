CREATE TABLE x (id integer PRIMARY KEY, y text NOT NULL DEFAULT 'q', z integer REFERENCES a, CONSTRAINT y_ok CHECK (y <> ''));
CREATE INDEX x_y ON x (y);
