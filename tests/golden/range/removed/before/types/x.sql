CREATE TYPE one AS (a int);
CREATE TYPE span AS RANGE (subtype = time);
