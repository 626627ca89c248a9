CREATE TYPE e AS ENUM ('new', 'open', 'closed');
