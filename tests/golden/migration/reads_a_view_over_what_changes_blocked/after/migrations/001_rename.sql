ALTER TABLE orders RENAME customer TO buyer;
UPDATE orders SET amount = 1 FROM buyers WHERE buyers.id = orders.id AND buyers.buyer = 1;
