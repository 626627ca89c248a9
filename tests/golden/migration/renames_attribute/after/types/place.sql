CREATE TYPE place AS (street text, city text);
