INSERT INTO stock (id, qty) SELECT id, 1 FROM items;
