CREATE VIEW v AS SELECT id, mail AS email FROM accounts;
