CREATE TYPE status AS ENUM ('draft', 'new', 'old');
