CREATE TABLE parent (id text PRIMARY KEY, code bigint UNIQUE);
CREATE TABLE pair (
    a text, b int, note text, CONSTRAINT pair_pkey PRIMARY KEY (b, a) INCLUDE (note),
    CONSTRAINT pair_note UNIQUE NULLS NOT DISTINCT (note),
    CONSTRAINT pair_a_fkey FOREIGN KEY (a) REFERENCES parent ON DELETE CASCADE
);
CREATE TABLE tree (id uuid PRIMARY KEY, above uuid REFERENCES tree);
