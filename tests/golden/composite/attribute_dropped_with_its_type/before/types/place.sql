CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TYPE place AS (x integer, hue colour);
