-- The last step of a build: from here on the reference counts as ready.
INSERT INTO stonegate.reference_databases (key, database, fingerprint, owner, facts, is_template, catalog, build_ms)
VALUES (
    %(key)s, %(database)s, %(fingerprint)s, %(owner)s, %(facts)s, %(is_template)s, %(catalog)s, %(build_ms)s
)
ON CONFLICT (key, builder) DO UPDATE SET
    database = excluded.database, fingerprint = excluded.fingerprint, owner = excluded.owner, facts = excluded.facts,
    is_template = excluded.is_template, catalog = excluded.catalog, build_ms = excluded.build_ms,
    built_at = now(), used_at = now()
