-- stonegate: no-transaction
-- stonegate: allow set_not_null
-- stonegate: allow modify_column_type t.shrunk
UPDATE t SET filled = 'x' WHERE filled IS NULL;
ALTER TABLE t ALTER COLUMN filled SET NOT NULL;
UPDATE t SET shrunk = left(shrunk, 3);
ALTER TABLE t ALTER COLUMN shrunk TYPE varchar(3);
ALTER TABLE t ADD COLUMN added int;
UPDATE t SET added = 1;
ALTER TABLE t ALTER COLUMN added SET NOT NULL;
