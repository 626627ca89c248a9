-- stonegate: allow modify_column_type
ALTER TYPE e RENAME TO e_old;
CREATE TYPE e AS ENUM ('new', 'open', 'closed');
ALTER TABLE t ALTER COLUMN s DROP DEFAULT;
ALTER TABLE t ALTER COLUMN s TYPE e USING (CASE s::text WHEN 'done' THEN 'closed' ELSE s::text END)::e;
ALTER TABLE t ALTER COLUMN former TYPE e USING (CASE former::text WHEN 'done' THEN 'closed' ELSE former::text END)::e;
ALTER TABLE t ALTER COLUMN s SET DEFAULT 'new';
DROP TYPE e_old;
ALTER TABLE t ALTER COLUMN n TYPE text;
UPDATE t SET former = 'open' WHERE former IS NULL;
