CREATE DOMAIN percent AS integer CONSTRAINT up_to_hundred CHECK (VALUE <= 100);
