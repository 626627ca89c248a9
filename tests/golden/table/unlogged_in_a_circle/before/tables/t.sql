CREATE TABLE a (k int, v int, PRIMARY KEY (k), UNIQUE (k,v));
CREATE TABLE b (k int, v int, PRIMARY KEY (k,v), FOREIGN KEY (k) REFERENCES a (k));
ALTER TABLE a ADD CONSTRAINT a_v FOREIGN KEY (k,v) REFERENCES b (k,v) DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE s (id int primary key, up int references s);
CREATE TABLE c (k int references a (k));
