CREATE VIEW v AS SELECT id, email FROM users;
