CREATE TABLE t (id integer);
CREATE TABLE gone (id bigserial, body text);
CREATE INDEX gone_docs ON gone USING gin (to_tsvector('docs', body));
CREATE TABLE other_gone (id bigint DEFAULT nextval('gone_id_seq'));
