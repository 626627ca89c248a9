CREATE DOMAIN percent AS int CONSTRAINT in_range CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN percents AS percent[];
CREATE TABLE t (id int PRIMARY KEY, one percent, many percents);
