-- stonegate: no-transaction
-- stonegate: allow drop_constraint users.users_age_check
CREATE UNIQUE INDEX CONCURRENTLY nicks ON users (nick);
ALTER TABLE users ADD CONSTRAINT users_nick_key UNIQUE USING INDEX nicks;
ALTER TABLE users DROP CONSTRAINT users_age_check;
ALTER TABLE users ADD CHECK (age >= 0);
