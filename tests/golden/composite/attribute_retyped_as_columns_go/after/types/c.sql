CREATE TYPE c AS (a bigint, b text);
CREATE TYPE outer_c AS (c c);
CREATE TYPE e AS ENUM ('b');
