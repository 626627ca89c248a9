CREATE TABLE page (id integer, body text, words tsvector GENERATED ALWAYS AS (to_tsvector('public.docs', body)) STORED);
