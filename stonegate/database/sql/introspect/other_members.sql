-- Parts of publications and of operator families stand for these.
SELECT 'pg_publication_rel'::regclass::oid AS cls, oid AS object, 'pg_publication'::regclass::oid AS whole_class,
    prpubid AS whole
FROM pg_catalog.pg_publication_rel
UNION ALL
SELECT 'pg_publication_namespace'::regclass, oid, 'pg_publication'::regclass, pnpubid
FROM pg_catalog.pg_publication_namespace
UNION ALL
SELECT 'pg_amop'::regclass, oid, 'pg_opfamily'::regclass, amopfamily FROM pg_catalog.pg_amop WHERE oid >= 16384
UNION ALL
SELECT 'pg_amproc'::regclass, oid, 'pg_opfamily'::regclass, amprocfamily FROM pg_catalog.pg_amproc WHERE oid >= 16384
