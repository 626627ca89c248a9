CREATE TABLE t (
    id int PRIMARY KEY, name text COLLATE any_case UNIQUE, code text COLLATE "fr-x-icu", mail mail
);
CREATE INDEX t_name ON t (name COLLATE phone_book);
