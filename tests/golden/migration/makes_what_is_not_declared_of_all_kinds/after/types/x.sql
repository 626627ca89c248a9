CREATE TYPE declared AS ENUM ('a');
