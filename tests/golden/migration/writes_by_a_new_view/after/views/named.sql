CREATE VIEW named AS SELECT id, name FROM users WHERE name IS NOT NULL;
