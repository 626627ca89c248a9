CREATE TABLE t (
    id integer PRIMARY KEY WITH (fillfactor = 75),
    word text,
    code text CONSTRAINT t_code_key UNIQUE WITH (fillfactor = 80, deduplicate_items = off),
    number integer CONSTRAINT t_number_key UNIQUE
);
CREATE INDEX t_word_idx ON t (word) INCLUDE (number) WITH (deduplicate_items = on, fillfactor = 80) WHERE word <> '';
CREATE INDEX t_text_idx ON t USING gin (to_tsvector('simple', word)) WITH (gin_pending_list_limit = 256, fastupdate = off);
CREATE INDEX t_range_idx ON t USING brin (number) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX t_odd_idx ON t ((word || ' WITH (fillfactor=10)')) WITH (fillfactor = 60);
COMMENT ON INDEX t_word_idx IS 'words, deduplicated';

CREATE TABLE p (id integer) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE INDEX p_id_idx ON p (id) WITH (fillfactor = 60);

ALTER INDEX t_odd_idx ALTER COLUMN 1 SET STATISTICS 200;
CREATE INDEX t_even_idx ON t ((word || number), (number + 1));
ALTER INDEX t_even_idx ALTER COLUMN 2 SET STATISTICS 300;
