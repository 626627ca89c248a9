-- Which folder the database was last deployed from.
SELECT fingerprint FROM public._stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1
