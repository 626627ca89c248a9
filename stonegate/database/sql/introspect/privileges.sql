-- An ACL, the usual one and the owner, whose own rights count only if they lack; `access_lists.py` compares them, since
-- PostgreSQL would have to plan that for each place where an ACL can stand.
',"acl":' || json_build_array([[acl]]::text[], [[usual]]::text[], pg_catalog.pg_get_userbyid([[owner]])::text)::text
