-- Where the catalogs of reference databases are kept. They hold the bodies of all routines: a row can be seen and
-- changed by the role that built it, and seen by the role that owns what it describes (behaviour, §9).
CREATE SCHEMA IF NOT EXISTS stonegate;
GRANT USAGE ON SCHEMA stonegate TO PUBLIC;
CREATE TABLE IF NOT EXISTS stonegate.reference_databases (
    key text NOT NULL,
    builder name NOT NULL DEFAULT current_user,
    database name NOT NULL,
    fingerprint text NOT NULL,
    owner name NOT NULL,
    facts text NOT NULL,
    is_template boolean NOT NULL,
    catalog bytea NOT NULL,
    build_ms double precision NOT NULL,
    built_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (key, builder)
);
ALTER TABLE stonegate.reference_databases ALTER COLUMN catalog SET STORAGE EXTERNAL;
ALTER TABLE stonegate.reference_databases ENABLE ROW LEVEL SECURITY;
ALTER TABLE stonegate.reference_databases FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS built ON stonegate.reference_databases;
CREATE POLICY built ON stonegate.reference_databases FOR ALL TO PUBLIC
    USING (builder = current_user)
    WITH CHECK (builder = current_user AND EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user AND (r.rolcreatedb OR r.rolsuper)
    ));
DROP POLICY IF EXISTS owned ON stonegate.reference_databases;
CREATE POLICY owned ON stonegate.reference_databases FOR SELECT TO PUBLIC
    USING (owner = current_user);
REVOKE ALL ON stonegate.reference_databases FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON stonegate.reference_databases TO PUBLIC
