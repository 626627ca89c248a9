-- All statements that followed the commit are done. They moved the catalogs: the stamp is that of before these were read
-- again, or none that a database has, where they are not as declared.
UPDATE public._stonescriptdb_gateway_deployments SET stamp = %(stamp)s, excepted = %(excepted)s
WHERE id = %(deployment)s
