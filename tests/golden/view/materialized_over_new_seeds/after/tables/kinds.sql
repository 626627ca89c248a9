CREATE TABLE kinds (code text PRIMARY KEY);
