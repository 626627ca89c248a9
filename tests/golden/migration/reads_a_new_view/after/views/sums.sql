CREATE VIEW sums AS SELECT customer, sum(amount) AS amount FROM orders GROUP BY customer;
COMMENT ON VIEW sums IS 'What each customer ordered';
CREATE VIEW unshared AS SELECT o.id, s.amount FROM orders o JOIN sums s USING (customer) WHERE o.share IS NULL AND is_sold(o.amount);
CREATE VIEW shares AS SELECT id, share FROM orders;
