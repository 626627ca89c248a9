CREATE TABLE p (a integer, b integer);
CREATE UNIQUE INDEX u ON p (a) WHERE b > 0;
