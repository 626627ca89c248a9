CREATE TABLE notes (id int PRIMARY KEY, text text NOT NULL CHECK (text <> ''));
CREATE TABLE memos (due date UNIQUE) INHERITS (notes);
CREATE TABLE old_notes (LIKE notes INCLUDING ALL, gone date NOT NULL CHECK (gone > '2000-01-01'));
