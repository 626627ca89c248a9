CREATE VIEW v AS SELECT (ROW(1, 'x')::pair).b, second(NULL);
