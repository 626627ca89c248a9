CREATE VIEW codes AS SELECT id, code(items) AS code FROM items;
