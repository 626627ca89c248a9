CREATE TABLE t (
    id integer PRIMARY KEY,
    s e DEFAULT 'new',
    former e,
    n integer NOT NULL,
    is_open boolean GENERATED ALWAYS AS (s <> 'done') STORED,
    CONSTRAINT differ CHECK (s <> former),
    CONSTRAINT named CHECK (s <> 'done' OR n > 0),
    CONSTRAINT counted CHECK (n >= 0),
    CONSTRAINT once EXCLUDE USING btree (n WITH =) WHERE (s = 'done')
);
CREATE INDEX plain ON t (s) INCLUDE (n);
CREATE INDEX partly ON t (id) WHERE s <> 'done';
COMMENT ON INDEX partly IS 'what is left';
CREATE UNIQUE INDEX computed ON t (id, (s = 'new'));
COMMENT ON CONSTRAINT named ON t IS 'done with a number';
CREATE INDEX of_open ON t (id) WHERE is_open AND s > 'new';
