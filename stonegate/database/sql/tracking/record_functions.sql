-- As record_types.sql, for routines; a row is known by name and parameter types, as the original's UNIQUE says.
WITH [[wanted_functions]],
gone AS (
    DELETE FROM public._stonescriptdb_gateway_functions AS f
    WHERE NOT EXISTS (
        SELECT FROM wanted AS w
        WHERE w.name = f.function_name::text AND w.param_types OPERATOR(pg_catalog.=) f.param_types::text[]
    )
),
changed AS (
[[function_changes]]
)
[[new_functions]]
