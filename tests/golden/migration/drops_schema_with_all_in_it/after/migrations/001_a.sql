-- stonegate: allow drop_schema s
-- stonegate: allow drop_table s.q
DROP SCHEMA s CASCADE;
