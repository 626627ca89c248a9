CREATE TABLE discounts (id integer PRIMARY KEY, share percent);
