-- What PostgreSQL 17 and 18 added, and objects of extensions.
CREATE SCHEMA ext;
CREATE EXTENSION hstore WITH SCHEMA ext;
CREATE EXTENSION btree_gist WITH SCHEMA ext;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION citext;

CREATE TABLE public.lazy (
    id integer NOT NULL,
    twice integer GENERATED ALWAYS AS (id * 2) VIRTUAL NOT NULL,
    thrice integer GENERATED ALWAYS AS (id * 3) STORED,
    tags ext.hstore DEFAULT 'a=>1',
    name public.citext,
    kept text STORAGE EXTERNAL,
    CONSTRAINT loose CHECK (id > 0) NOT ENFORCED,
    CONSTRAINT id_set NOT NULL name
);
ALTER TABLE public.lazy ADD NOT NULL tags NOT VALID, ADD NOT NULL kept NO INHERIT;
CREATE INDEX lazy_tags ON public.lazy USING gin (tags);
GRANT MAINTAIN ON public.lazy TO ddl_reader;

CREATE TABLE public.booking (
    room integer,
    during daterange,
    CONSTRAINT booking_key PRIMARY KEY (room, during WITHOUT OVERLAPS)
);
CREATE TABLE public.unique_room (id integer PRIMARY KEY);
CREATE TABLE public.guest (
    room integer,
    during daterange,
    CONSTRAINT in_booking FOREIGN KEY (room, PERIOD during) REFERENCES public.booking (room, PERIOD during),
    loose integer,
    UNIQUE (room, during WITHOUT OVERLAPS)
);
ALTER TABLE public.guest ADD CONSTRAINT loose_room FOREIGN KEY (loose) REFERENCES public.unique_room (id) NOT ENFORCED;

CREATE TABLE public.numbered (id bigint GENERATED ALWAYS AS IDENTITY (START 7), at date) PARTITION BY RANGE (at);
CREATE TABLE public.numbered_1 PARTITION OF public.numbered DEFAULT;

CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere');
CREATE FOREIGN TABLE public.far (
    id integer OPTIONS (column_name 'The "Id"') NOT NULL,
    name text COLLATE "C" DEFAULT 'x',
    CONSTRAINT positive CHECK (id > 0)
) SERVER remote OPTIONS (schema_name 'it''s', table_name 'far');
COMMENT ON FOREIGN TABLE public.far IS 'far away';
GRANT SELECT ON public.far TO ddl_reader;
ALTER FOREIGN TABLE public.far OWNER TO ddl_writer;

ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO ddl_reader;
