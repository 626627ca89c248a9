CREATE TABLE t (id bigint, k bigint CHECK (f(k) > 0)) WITH (user_catalog_table = false);
