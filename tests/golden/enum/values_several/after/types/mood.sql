CREATE TYPE mood AS ENUM ('x', 'a', 'y', 'z');
