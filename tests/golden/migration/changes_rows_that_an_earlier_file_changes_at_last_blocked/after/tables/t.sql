CREATE TABLE job (id int PRIMARY KEY, state text, n int);
CREATE TABLE total (n bigint);
