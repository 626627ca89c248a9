CREATE TABLE t (n int NOT NULL, CONSTRAINT positive CHECK (n > 0));
CREATE TABLE former_t (n int NOT NULL);
