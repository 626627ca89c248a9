CREATE SCHEMA app; CREATE TYPE app.st AS ENUM ('x', 'y', 'z'); CREATE TABLE app.t (id int, s app.st, r app.st[]); CREATE DOMAIN e AS int;
CREATE FUNCTION app.f(app.st) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION h(e, app.t[]) RETURNS int LANGUAGE sql AS 'SELECT 2';
