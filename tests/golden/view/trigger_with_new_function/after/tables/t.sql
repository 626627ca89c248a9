CREATE TABLE emp (name text, salary integer);
