CREATE TABLE account (id int PRIMARY KEY, mail text);
CREATE INDEX account_mail ON account (norm(mail));
CREATE TABLE orders (id int PRIMARY KEY, account int REFERENCES account, row_of account);
CREATE POLICY own ON account USING (id IN (SELECT account FROM orders));
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY REFERENCES a);
CREATE TABLE c (id int PRIMARY KEY, b b);
CREATE POLICY p ON a USING (id IN (SELECT id FROM all_of_c()));
CREATE POLICY p ON b USING (EXISTS (SELECT FROM c));
