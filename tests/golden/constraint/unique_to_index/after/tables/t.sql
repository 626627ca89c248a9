CREATE TABLE p (a integer);
CREATE UNIQUE INDEX u ON p (a);
