-- stonegate: allow drop_column page.words
ALTER TABLE public.page DROP COLUMN words;
