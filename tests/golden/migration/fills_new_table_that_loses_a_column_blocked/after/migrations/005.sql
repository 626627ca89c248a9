-- stonegate: allow drop_column stock.qty
UPDATE stock SET amount = qty;
ALTER TABLE stock DROP COLUMN qty;
