CREATE TABLE accounts (id serial PRIMARY KEY, mail text UNIQUE, n integer CHECK (n > 0));
CREATE TABLE posts (id integer PRIMARY KEY, account_id integer REFERENCES accounts);
CREATE INDEX ON accounts (n);
