INSERT INTO users (n) VALUES ('a');
