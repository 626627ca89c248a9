CREATE DOMAIN em AS text CHECK (VALUE ~ '@' AND length(VALUE) < 100);
