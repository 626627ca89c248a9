CREATE TYPE one AS (a int);
CREATE TYPE pair AS (x one, y text[]);
