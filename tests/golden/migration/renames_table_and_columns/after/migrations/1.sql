ALTER TABLE users RENAME TO accounts;
ALTER TABLE accounts RENAME COLUMN email TO mail;
ALTER TABLE posts RENAME COLUMN user_id TO account_id;
