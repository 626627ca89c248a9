CREATE SCHEMA a; CREATE TYPE a.e AS ENUM ('x'); CREATE DOMAIN a.d AS int;
CREATE TABLE a.t (id int, e a.e DEFAULT 'x', d a.d);
CREATE FUNCTION a.f(a.e, a.t) RETURNS a.d LANGUAGE sql AS 'SELECT 1';
