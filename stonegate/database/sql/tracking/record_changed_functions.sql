-- As record_functions.sql, where what is there was read: the rows are only those that are new or differ, and those that go
-- are named.
WITH [[wanted_functions]],
gone AS (
    DELETE FROM public._stonescriptdb_gateway_functions AS f
    USING pg_catalog.jsonb_to_recordset(%(gone)s::jsonb) AS g (name text, param_types text[])
    WHERE f.function_name::text = g.name AND f.param_types::text[] OPERATOR(pg_catalog.=) g.param_types
),
changed AS (
[[function_changes]]
)
[[new_functions]]
