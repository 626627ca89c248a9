-- The t that the folder declares is another one: this one loses its check for good.
ALTER TABLE t DROP CONSTRAINT positive;
ALTER TABLE t RENAME TO former_t;
CREATE TABLE t (n int NOT NULL, CONSTRAINT positive CHECK (n > 0));
