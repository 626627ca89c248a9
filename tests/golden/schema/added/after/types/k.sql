CREATE TYPE app.kind AS ENUM ('x');
