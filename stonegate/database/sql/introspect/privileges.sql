-- What an ACL holds beyond the usual one, and what it lacks (manual 5.8); the owner's own rights only if they lack.
(
    SELECT concat(
        ',"granted":[' || string_agg(acl_right.item, ',' ORDER BY acl_right.role, acl_right.privilege)
            FILTER (WHERE acl_right.given) || ']',
        ',"revoked":[' || string_agg(acl_right.item, ',' ORDER BY acl_right.role, acl_right.privilege)
            FILTER (WHERE NOT acl_right.given) || ']')
    FROM (
        SELECT acl_given.grantee IS NOT NULL AS given, acl_role.name AS role,
            coalesce(acl_given.privilege, acl_usual.privilege_type) COLLATE "C" AS privilege,
            concat('{"grantee":', to_json(acl_role.name::text), ',"privilege":"',
                coalesce(acl_given.privilege, acl_usual.privilege_type), '"',
                CASE WHEN acl_given.grantable THEN ',"grantable":true' END, '}') AS item
        FROM (
            SELECT grantee, privilege_type AS privilege, bool_or(is_grantable) AS grantable
            FROM pg_catalog.aclexplode([[acl]]) GROUP BY 1, 2
        ) AS acl_given
        FULL JOIN pg_catalog.aclexplode([[usual]]) AS acl_usual
            ON acl_usual.grantee = acl_given.grantee AND acl_usual.privilege_type = acl_given.privilege
        CROSS JOIN LATERAL (
            SELECT CASE coalesce(acl_given.grantee, acl_usual.grantee) WHEN 0 THEN ''::name
                ELSE pg_catalog.pg_get_userbyid(coalesce(acl_given.grantee, acl_usual.grantee)) END AS name
        ) AS acl_role
        WHERE acl_given.grantee IS NULL
            OR (acl_usual.grantee IS NULL OR acl_given.grantable) AND acl_given.grantee IS DISTINCT FROM [[owner]]
    ) AS acl_right
)
