-- stonegate: allow set_not_null email
-- stonegate: allow drop_constraint email.at
ALTER DOMAIN email SET DEFAULT 'b@c';
ALTER DOMAIN email SET NOT NULL;
ALTER DOMAIN email DROP CONSTRAINT IF EXISTS no_longer;
ALTER DOMAIN email DROP CONSTRAINT at;
ALTER DOMAIN email ADD CONSTRAINT short CHECK (length(VALUE) < 99);
ALTER DOMAIN age DROP NOT NULL;
ALTER DOMAIN age ADD CHECK (VALUE > 0);
