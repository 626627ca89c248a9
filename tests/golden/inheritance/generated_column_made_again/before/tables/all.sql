CREATE TABLE parent (a int, g int GENERATED ALWAYS AS (a + 1) STORED);
CREATE TABLE child () INHERITS (parent);
