CREATE VIEW homes AS SELECT id, (home).city AS town FROM users;
