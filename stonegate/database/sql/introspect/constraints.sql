-- Of tables and of domains, without the shadows of constraint triggers: their trigger says everything about them.
SELECT c.oid, c.conname AS name, c.contype AS kind, c.conrelid AS relation, c.contypid AS domain, c.conindid AS its_index,
    c.conparentid AS parent, c.confrelid AS referenced, c.conkey AS columns, c.connoinherit AS no_inherit,
    c.convalidated AS validated, c.conislocal AS is_local, c.coninhcount > 0 AS has_parents,
    CASE WHEN c.contype <> 'n' THEN pg_catalog.pg_get_constraintdef(c.oid) END AS definition
FROM pg_catalog.pg_constraint AS c
WHERE c.oid >= 16384 AND c.contype <> 't' AND c.connamespace IN (SELECT s.oid FROM ([[our_schemas]]) AS s)
ORDER BY c.conname
