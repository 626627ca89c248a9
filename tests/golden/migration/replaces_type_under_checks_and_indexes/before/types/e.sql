CREATE TYPE e AS ENUM ('new', 'open', 'done');
