INSERT INTO d VALUES ('a', 'c', 'd');
