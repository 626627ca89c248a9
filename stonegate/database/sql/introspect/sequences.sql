SELECT seqrelid AS relation, pg_catalog.format_type(seqtypid, NULL) AS type, seqstart AS start, seqincrement AS increment,
    seqmin AS minimum, seqmax AS maximum, seqcache AS cache, seqcycle AS cycle
FROM pg_catalog.pg_sequence
