CREATE TABLE base (id int, label text, c timestamptz);
CREATE TABLE kid (id int, label text, x int, c timestamptz);
