UPDATE orders SET amount = 0 WHERE amount IS NULL;
INSERT INTO totals SELECT customer, amount FROM sums;
UPDATE orders SET share = orders.amount / unshared.amount::numeric FROM unshared WHERE unshared.id = orders.id;
ALTER TABLE orders ALTER amount SET NOT NULL;
