-- Without what the members of extensions have among themselves, which is much; and without the schemas of relations and
-- routines, which go without saying.
WITH members AS MATERIALIZED (SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e')
SELECT d.classid AS cls, d.objid AS object, d.objsubid AS number, d.refclassid AS on_class, d.refobjid AS on_object,
    d.refobjsubid AS on_number, d.deptype AS kind
FROM pg_catalog.pg_depend AS d
WHERE d.deptype = 'e' OR d.objid >= 16384
    AND (d.refobjid >= 16384 OR d.classid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass))
    AND ((d.classid, d.objid) NOT IN (SELECT classid, objid FROM members)
        OR (d.refclassid, d.refobjid) NOT IN (SELECT classid, objid FROM members))
