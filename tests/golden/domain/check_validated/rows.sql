INSERT INTO discounts VALUES (1, 50);
