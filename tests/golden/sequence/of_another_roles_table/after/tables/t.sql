CREATE TABLE t (id serial, n bigserial);
ALTER TABLE t OWNER TO pg_monitor;
CREATE TABLE i (id serial);
ALTER TABLE i OWNER TO pg_monitor;

-- As a dump writes a serial column.
CREATE TABLE dumped (id integer NOT NULL);
ALTER TABLE dumped OWNER TO pg_monitor;
CREATE SEQUENCE dumped_id_seq;
ALTER SEQUENCE dumped_id_seq OWNER TO pg_monitor;
ALTER SEQUENCE dumped_id_seq OWNED BY dumped.id;
ALTER TABLE ONLY dumped ALTER COLUMN id SET DEFAULT nextval('dumped_id_seq'::regclass);
