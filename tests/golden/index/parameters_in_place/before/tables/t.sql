CREATE TABLE t (
    id integer PRIMARY KEY,
    word text,
    code text CONSTRAINT t_code_key UNIQUE WITH (fillfactor = 70, deduplicate_items = off),
    number integer CONSTRAINT t_number_key UNIQUE WITH (fillfactor = 90)
);
CREATE INDEX t_word_idx ON t (word) INCLUDE (number) WITH (fillfactor = 80, deduplicate_items = off) WHERE word <> '';
CREATE INDEX t_text_idx ON t USING gin (to_tsvector('simple', word)) WITH (fastupdate = on);
CREATE INDEX t_range_idx ON t USING brin (number) WITH (pages_per_range = 64, autosummarize = on);
CREATE INDEX t_odd_idx ON t ((word || ' WITH (fillfactor=10)')) WITH (fillfactor = 70);
COMMENT ON INDEX t_word_idx IS 'words';

CREATE TABLE p (id integer) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE INDEX p_id_idx ON p (id) WITH (fillfactor = 70);

ALTER INDEX t_odd_idx ALTER COLUMN 1 SET STATISTICS 100;
CREATE INDEX t_even_idx ON t ((word || number), (number + 1)) WITH (fillfactor = 60);
ALTER INDEX t_even_idx ALTER COLUMN 1 SET STATISTICS 100;
