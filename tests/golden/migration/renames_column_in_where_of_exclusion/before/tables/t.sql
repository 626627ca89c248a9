CREATE TABLE t (id int, a text, EXCLUDE USING btree (id WITH =) WHERE (a > 'a'));
