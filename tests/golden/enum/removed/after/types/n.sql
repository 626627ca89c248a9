CREATE TYPE other AS ENUM ('q');
