CREATE VIEW v AS SELECT id, name FROM t ORDER BY code COLLATE "sv-x-icu";
