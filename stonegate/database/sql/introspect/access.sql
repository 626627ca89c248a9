-- Owner, comment and privileges as JSON text. An ACL that was never touched is NULL and costs nothing here.
concat('{"owner":', to_json(pg_catalog.pg_get_userbyid([[owner]])::text), ',"comment":' || to_json([[comment]]),
    CASE WHEN [[acl]] IS NOT NULL THEN [[privileges acl=[[acl]]; usual=pg_catalog.acldefault([[kind]], [[owner]]); owner=[[owner]]]] END, '}')
