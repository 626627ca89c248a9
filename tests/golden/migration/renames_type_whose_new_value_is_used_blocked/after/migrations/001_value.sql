ALTER TYPE state RENAME VALUE 'old' TO 'archived';
