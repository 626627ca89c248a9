CREATE VIEW homes AS SELECT id, (home).town FROM users;
