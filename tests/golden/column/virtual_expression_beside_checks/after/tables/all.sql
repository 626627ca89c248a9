CREATE TABLE t (a int, g int GENERATED ALWAYS AS (a + 2) VIRTUAL NOT NULL, b int CHECK (b > 0), CHECK (g > -1000));
COMMENT ON COLUMN t.g IS 'more';
CREATE TABLE parent (a int, g int GENERATED ALWAYS AS (a + 2) VIRTUAL);
CREATE TABLE child (CHECK (a > 0)) INHERITS (parent);
