CREATE TABLE t (
    id int PRIMARY KEY,
    state varchar(10) CHECK (state IN ('open', 'it''s [done]')),
    kind varchar(10) CHECK (kind IN ('a', 'b')),
    late boolean GENERATED ALWAYS AS (state NOT IN ('open', 'new')) STORED
);
CREATE INDEX t_open ON t (id) WHERE state IN ('open', 'new');
CREATE INDEX t_kind ON t (id) WHERE kind IN ('a', 'b');
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (state IN ('open', 'new'));
