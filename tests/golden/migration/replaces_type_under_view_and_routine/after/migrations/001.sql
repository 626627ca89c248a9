-- stonegate: allow modify_column_type t.s
ALTER TYPE e RENAME TO e_old;
CREATE TYPE e AS ENUM ('a', 'b');
ALTER TABLE t ALTER COLUMN s TYPE e USING s::text::e;
DROP TYPE e_old;
