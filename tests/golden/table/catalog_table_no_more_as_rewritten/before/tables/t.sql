CREATE TABLE t (id integer, k integer CHECK (f(k) > 0)) WITH (user_catalog_table = true);
