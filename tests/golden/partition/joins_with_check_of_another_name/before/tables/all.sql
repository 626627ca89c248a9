CREATE TABLE p (id integer NOT NULL, n text CHECK (n <> '')) PARTITION BY LIST (id);
CREATE TABLE p1 (id integer NOT NULL, n text CHECK (n <> ''));
