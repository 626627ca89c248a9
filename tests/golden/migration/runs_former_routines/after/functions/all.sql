CREATE FUNCTION norm(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN upper(x); END $$;
CREATE FUNCTION told(x text) RETURNS text LANGUAGE sql AS $$ SELECT 'told: ' || x $$;
CREATE FUNCTION alone(x text) RETURNS text LANGUAGE sql AS $$ SELECT 'alone: ' || x $$;
CREATE FUNCTION marked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := NEW.name || '!'; RETURN NEW; END $$;
CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := NEW.name || '##'; RETURN NEW; END $$;
CREATE FUNCTION fill(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN norm(x); END $$;
CREATE FUNCTION first() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN base(); END $$;
CREATE FUNCTION base() RETURNS text LANGUAGE sql AS $$ SELECT 'b' $$;
CREATE FUNCTION off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := 'on'; RETURN NEW; END $$;
