CREATE TABLE t (id int PRIMARY KEY, x xml DEFAULT '<a/>'::xml CHECK (x IS DOCUMENT), n xml);
