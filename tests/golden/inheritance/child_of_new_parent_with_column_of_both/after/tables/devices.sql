CREATE TABLE devices (id integer PRIMARY KEY, place text);

CREATE TABLE readings (device integer NOT NULL REFERENCES devices, taken_at timestamptz NOT NULL);

-- Both columns are its parent's and its own; their NOT NULL is its parent's alone.
CREATE TABLE temperatures (degrees numeric, taken_at timestamptz, device integer) INHERITS (readings);
