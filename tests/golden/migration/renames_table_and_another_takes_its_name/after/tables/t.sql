CREATE TABLE a_old (id serial PRIMARY KEY, n integer UNIQUE);
CREATE INDEX a_old_n ON a_old (n);
CREATE TABLE a (id bigserial PRIMARY KEY, s text NOT NULL, n integer UNIQUE);
CREATE INDEX a_n ON a (n);
