CREATE TYPE other AS (a int);
