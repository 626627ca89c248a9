CREATE DOMAIN age AS integer CONSTRAINT given NOT NULL CONSTRAINT known CHECK (VALUE >= 0);
COMMENT ON CONSTRAINT given ON DOMAIN age IS 'asked for at the door';
