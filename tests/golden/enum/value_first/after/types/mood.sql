CREATE TYPE mood AS ENUM ('z', 'b', 'c', 'a');
