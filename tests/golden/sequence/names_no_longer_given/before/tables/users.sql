CREATE SEQUENCE users_counter_seq AS integer;

CREATE TABLE users (
    id integer DEFAULT nextval('users_counter_seq') PRIMARY KEY,
    email text,
    number integer NOT NULL GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME users_no_seq)
);

ALTER SEQUENCE users_counter_seq OWNED BY users.id;
