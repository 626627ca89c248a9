-- The change stamp as an expression in read_unchanged that is planned only where the digest is equal: a fresh session
-- takes milliseconds for the plan alone.
(SELECT pg_catalog.min(now.word) FROM pg_catalog.ts_stat(CASE WHEN last.digest = {digest}
    THEN $late_stamp$ SELECT pg_catalog.array_to_tsvector(ARRAY[{stamp}]) $late_stamp$ ELSE 'SELECT ''''::tsvector'
END) AS now)
