CREATE TABLE t (id int, b text, EXCLUDE USING btree (id WITH =) WHERE (b > 'a'));
