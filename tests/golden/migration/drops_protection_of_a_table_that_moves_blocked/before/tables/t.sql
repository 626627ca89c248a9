CREATE TABLE t (n int NOT NULL, CONSTRAINT positive CHECK (n > 0));
