UPDATE orders SET buyer = 0 FROM amounts WHERE amounts.id = orders.id AND amounts.amount = 1;
UPDATE orders SET buyer = 0 FROM ids WHERE ids.id = orders.id AND ids.id = 1;
