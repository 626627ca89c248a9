INSERT INTO t VALUES ('de'), ('fr');
