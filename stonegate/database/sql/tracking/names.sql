-- The tracking tables.
'_stonescriptdb_gateway_migrations', '_stonescriptdb_gateway_types', '_stonescriptdb_gateway_tables',
        '_stonescriptdb_gateway_functions', '_stonescriptdb_gateway_changelog', '_stonescriptdb_gateway_deployments'
