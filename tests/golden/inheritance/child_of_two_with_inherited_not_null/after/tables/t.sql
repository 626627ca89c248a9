CREATE TABLE base (id int, kind text NOT NULL DEFAULT 'x');
CREATE TABLE first (a int) INHERITS (base);
CREATE TABLE second (kind text NOT NULL DEFAULT 'second', b int) INHERITS (base);
CREATE TABLE third (kind text DEFAULT 'third') INHERITS (second, first);
