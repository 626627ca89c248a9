CREATE SEQUENCE numbers START 100 INCREMENT 2 /* é */ OWNED BY public.t . number;
CREATE TABLE t (id bigint PRIMARY KEY, number bigint NOT NULL DEFAULT nextval('numbers'));
CREATE SEQUENCE "U s" OWNED BY u."Ü c" CACHE 5;
CREATE TABLE u (id bigint PRIMARY KEY);
ALTER TABLE u ADD COLUMN "Ü c" bigint DEFAULT nextval('"U s"');
