CREATE TABLE memos (due date UNIQUE) INHERITS (notes);
CREATE TABLE old_notes (LIKE notes INCLUDING ALL, gone date NOT NULL CHECK (gone > '2000-01-01'));
INSERT INTO old_notes SELECT id, text, current_date FROM notes;
