CREATE TYPE state AS ENUM ('new', 'old');
