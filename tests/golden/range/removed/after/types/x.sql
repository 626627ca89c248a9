CREATE TYPE one AS (a int);
