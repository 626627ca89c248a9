CREATE TABLE t (
    id integer PRIMARY KEY,
    s e DEFAULT 'new',
    former e,
    n text NOT NULL,
    is_open boolean GENERATED ALWAYS AS (s <> 'closed') STORED,
    CONSTRAINT differ CHECK (s <> former),
    CONSTRAINT named CHECK (s <> 'closed' OR n > '0'),
    CONSTRAINT counted CHECK (n >= '0'),
    CONSTRAINT once EXCLUDE USING btree (n WITH =) WHERE (s = 'closed')
);
CREATE INDEX plain ON t (s) INCLUDE (n);
CREATE INDEX partly ON t (id) WHERE s <> 'closed';
COMMENT ON INDEX partly IS 'what is left';
CREATE UNIQUE INDEX computed ON t (id, (s = 'new'));
COMMENT ON CONSTRAINT named ON t IS 'done with a number';
CREATE INDEX of_open ON t (id) WHERE is_open AND s > 'new';
