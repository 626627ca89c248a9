CREATE SCHEMA b; CREATE TYPE b.e AS ENUM ('x', 'y'); CREATE DOMAIN b.d AS int CHECK (VALUE > 0);
CREATE TABLE b.t (id int, e b.e DEFAULT 'x', d b.d, n int);
CREATE FUNCTION b.f(b.e, b.t) RETURNS b.d LANGUAGE sql AS 'SELECT 2';
