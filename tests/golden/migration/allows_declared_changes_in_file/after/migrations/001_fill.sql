-- stonegate: allow set_not_null e.d
-- stonegate: allow drop_column public.e.gone
UPDATE e SET d = a WHERE d IS NULL;
