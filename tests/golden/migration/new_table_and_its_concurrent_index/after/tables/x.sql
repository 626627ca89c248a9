CREATE TABLE x (id integer PRIMARY KEY, y text NOT NULL);
CREATE INDEX x_y ON x (y);
