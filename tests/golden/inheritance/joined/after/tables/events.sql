CREATE TABLE events (
    id integer NOT NULL,
    at timestamptz,
    CONSTRAINT positive CHECK (id > 0)
);

CREATE TABLE clicks (
    page text
) INHERITS (events);

CREATE TABLE labels (label text);
CREATE TABLE taps (label text) INHERITS (labels);
