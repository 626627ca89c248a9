-- The tracking tables, as the original made them, with our columns beside its own; behaviour, §7. The original inserts
-- without naming our columns, so each of them has a default or may be null.
CREATE TABLE IF NOT EXISTS public._stonescriptdb_gateway_migrations (
    id serial PRIMARY KEY,
    migration_file text NOT NULL UNIQUE,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE public._stonescriptdb_gateway_migrations
    ADD COLUMN IF NOT EXISTS stonegate_checksum text,
    ADD COLUMN IF NOT EXISTS checksum_version integer,
    ADD COLUMN IF NOT EXISTS identity text,
    ADD COLUMN IF NOT EXISTS baselined boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS source_file text,
    ADD COLUMN IF NOT EXISTS plan_checksum text,
    ADD COLUMN IF NOT EXISTS executed_by text,
    ADD COLUMN IF NOT EXISTS duration_ms double precision;

CREATE TABLE IF NOT EXISTS public._stonescriptdb_gateway_types (
    id serial PRIMARY KEY,
    type_name text NOT NULL UNIQUE,
    type_kind text NOT NULL,
    checksum text NOT NULL,
    source_file text NOT NULL,
    deployed_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE public._stonescriptdb_gateway_types
    ADD COLUMN IF NOT EXISTS stonegate_checksum text,
    ADD COLUMN IF NOT EXISTS checksum_version integer,
    ADD COLUMN IF NOT EXISTS identity text,
    ADD COLUMN IF NOT EXISTS plan_checksum text,
    ADD COLUMN IF NOT EXISTS executed_by text;

CREATE TABLE IF NOT EXISTS public._stonescriptdb_gateway_tables (
    id serial PRIMARY KEY,
    table_name text NOT NULL UNIQUE,
    checksum text NOT NULL,
    source_file text NOT NULL,
    deployed_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE public._stonescriptdb_gateway_tables
    ADD COLUMN IF NOT EXISTS stonegate_checksum text,
    ADD COLUMN IF NOT EXISTS checksum_version integer,
    ADD COLUMN IF NOT EXISTS identity text,
    ADD COLUMN IF NOT EXISTS plan_checksum text,
    ADD COLUMN IF NOT EXISTS executed_by text;

CREATE TABLE IF NOT EXISTS public._stonescriptdb_gateway_functions (
    id serial PRIMARY KEY,
    function_name text NOT NULL,
    signature text NOT NULL,
    param_types text[] NOT NULL DEFAULT '{}',
    return_type text,
    body_checksum text NOT NULL,
    source_file text NOT NULL,
    deployed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (function_name, param_types)
);
ALTER TABLE public._stonescriptdb_gateway_functions
    ADD COLUMN IF NOT EXISTS stonegate_checksum text,
    ADD COLUMN IF NOT EXISTS checksum_version integer,
    ADD COLUMN IF NOT EXISTS identity text,
    ADD COLUMN IF NOT EXISTS plan_checksum text,
    ADD COLUMN IF NOT EXISTS executed_by text;

CREATE TABLE IF NOT EXISTS public._stonescriptdb_gateway_changelog (
    id bigserial PRIMARY KEY,
    change_type text NOT NULL,
    object_name text NOT NULL,
    change_detail jsonb,
    forced boolean NOT NULL DEFAULT false,
    executed_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE public._stonescriptdb_gateway_changelog
    ADD COLUMN IF NOT EXISTS plan_checksum text,
    ADD COLUMN IF NOT EXISTS executed_by text,
    ADD COLUMN IF NOT EXISTS duration_ms double precision;

CREATE TABLE IF NOT EXISTS public._stonescriptdb_gateway_deployments (
    id bigserial PRIMARY KEY,
    digest text NOT NULL,
    fingerprint text NOT NULL,
    stamp text NOT NULL
);
ALTER TABLE public._stonescriptdb_gateway_deployments
    ADD COLUMN IF NOT EXISTS mode text,
    ADD COLUMN IF NOT EXISTS tool_version text,
    ADD COLUMN IF NOT EXISTS plan_checksum text,
    ADD COLUMN IF NOT EXISTS counts jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS duration_ms double precision,
    ADD COLUMN IF NOT EXISTS deployed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS executed_by text,
    ADD COLUMN IF NOT EXISTS catalog bytea,
    ADD COLUMN IF NOT EXISTS catalog_checksum text,
    ADD COLUMN IF NOT EXISTS live_checksum text,
    ADD COLUMN IF NOT EXISTS introspection text,
    ADD COLUMN IF NOT EXISTS missing_seeds text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS excepted text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS outside text[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS post_commit jsonb NOT NULL DEFAULT '{}';
-- The catalog is compressed already.
ALTER TABLE public._stonescriptdb_gateway_deployments ALTER COLUMN catalog SET STORAGE EXTERNAL;

-- Default privileges may open new tables to everyone, and these hold the texts of all routines.
REVOKE ALL ON
    public._stonescriptdb_gateway_migrations, public._stonescriptdb_gateway_types,
    public._stonescriptdb_gateway_tables, public._stonescriptdb_gateway_functions,
    public._stonescriptdb_gateway_changelog, public._stonescriptdb_gateway_deployments
FROM PUBLIC
