CREATE TABLE page (id integer, body text, words tsvector GENERATED ALWAYS AS (to_tsvector('public.docs', body)) STORED);
CREATE INDEX page_words ON page USING gin (words);
CREATE INDEX page_body ON page USING gin (to_tsvector('public.docs', body));
