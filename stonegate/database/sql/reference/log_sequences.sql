-- Sequences that were used are set to the value that they have. PostgreSQL writes a sequence to the WAL 32 values ahead,
-- keeps in its page how many of these are left, and copies that page into a clone (STRATEGY WAL_LOG) as it is: there the
-- next values would not be written, and after a crash be given a second time. setval() leaves none.
SELECT pg_catalog.setval(pg_catalog.format('%I.%I', used.schemaname, used.sequencename)::pg_catalog.regclass, used.last_value)
  FROM pg_catalog.pg_sequences AS used
 WHERE used.last_value IS NOT NULL
   AND pg_catalog.has_sequence_privilege(
           pg_catalog.format('%I.%I', used.schemaname, used.sequencename), 'UPDATE')
