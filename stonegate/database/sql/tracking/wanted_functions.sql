-- What a deployment records of routines; a row is known by name and parameter types, as the original's UNIQUE says.
wanted AS (
    SELECT * FROM pg_catalog.jsonb_to_recordset(%(rows)s::jsonb) AS w (
        number integer, name text, signature text, param_types text[], return_type text, checksum text,
        stonegate_checksum text, identity text, file text
    )
)
