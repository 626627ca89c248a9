-- stonegate: allow set_not_null
-- stonegate: allow drop_column
UPDATE e SET d = a WHERE d IS NULL;
