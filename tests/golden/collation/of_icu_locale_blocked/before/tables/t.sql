CREATE TABLE t (id int PRIMARY KEY, mail text COLLATE any_case UNIQUE);
