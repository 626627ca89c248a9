CREATE TYPE mood AS ENUM ('x');
