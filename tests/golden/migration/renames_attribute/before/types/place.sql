CREATE TYPE place AS (street text, town text);
