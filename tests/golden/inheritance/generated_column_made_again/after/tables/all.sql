CREATE TABLE parent (a int, g int GENERATED ALWAYS AS (a + 1) VIRTUAL);
CREATE TABLE child () INHERITS (parent);
