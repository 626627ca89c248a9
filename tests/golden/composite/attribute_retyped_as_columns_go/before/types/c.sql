CREATE TYPE c AS (a integer, b text);
CREATE TYPE outer_c AS (c c);
CREATE TYPE e AS ENUM ('a', 'b');
