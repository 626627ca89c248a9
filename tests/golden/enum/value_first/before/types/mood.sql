CREATE TYPE mood AS ENUM ('b', 'c', 'a');
