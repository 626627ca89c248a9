CREATE TABLE events (
    id integer NOT NULL,
    at timestamptz,
    CONSTRAINT positive CHECK (id > 0)
);

CREATE TABLE clicks (
    id integer NOT NULL,
    at timestamptz,
    page text,
    CONSTRAINT positive CHECK (id > 0)
);

CREATE TABLE labels (label text NOT NULL);
CREATE TABLE taps ();
