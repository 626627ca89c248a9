CREATE VIEW rated AS SELECT points FROM account;
