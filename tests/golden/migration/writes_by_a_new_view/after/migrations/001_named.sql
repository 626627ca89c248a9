UPDATE named SET name = 'c' WHERE id = 1;
