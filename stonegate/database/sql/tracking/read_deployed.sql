-- What plans did, without its texts, in the order in which it was done.
SELECT c.plan_checksum, c.executed_at::timestamptz, c.change_type, c.object_name, c.change_detail -> 'changes'
FROM public._stonescriptdb_gateway_changelog AS c
WHERE c.plan_checksum = ANY ({checksums}) ORDER BY c.id
