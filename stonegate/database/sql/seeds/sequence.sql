-- How far one sequence and the column that it feeds have come (manual 9.17 and 53.62 pg_sequence).
SELECT {sequence}::text, s.last_value, s.is_called, p.seqincrement, p.seqmin, p.seqmax, c.least, c.greatest
FROM {sequence_name} AS s, (SELECT min({column})::bigint, max({column})::bigint FROM {table}) AS c (least, greatest),
    pg_catalog.pg_sequence AS p
WHERE p.seqrelid = {sequence}::regclass
