CREATE TABLE page (id integer, body text);
CREATE INDEX page_words ON page USING gin (to_tsvector('public.docs', body));
