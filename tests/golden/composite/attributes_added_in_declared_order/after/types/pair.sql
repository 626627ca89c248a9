CREATE TYPE pair AS (a int, z text, b text, m date);
