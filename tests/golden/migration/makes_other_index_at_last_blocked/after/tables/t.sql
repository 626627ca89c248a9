CREATE TABLE t (id int PRIMARY KEY, a int, b int);
CREATE INDEX wider ON t (a, b);
CREATE UNIQUE INDEX sole ON t (b);
CREATE INDEX same ON t (b) WHERE a > 1;
CREATE INDEX again ON t (a DESC);
CREATE UNIQUE INDEX alike ON t (a);
