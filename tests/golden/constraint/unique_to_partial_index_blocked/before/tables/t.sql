CREATE TABLE p (a integer, b integer, CONSTRAINT u UNIQUE (a));
