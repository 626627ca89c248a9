CREATE TABLE parent (id int PRIMARY KEY, code int UNIQUE);
CREATE TABLE pair (
    a int, b int, note text, CONSTRAINT pair_key PRIMARY KEY (a, b), CONSTRAINT to_parent FOREIGN KEY (a) REFERENCES parent
);
CREATE UNIQUE INDEX pair_note ON pair (note);
CREATE TABLE tree (id int PRIMARY KEY, above int REFERENCES tree);
