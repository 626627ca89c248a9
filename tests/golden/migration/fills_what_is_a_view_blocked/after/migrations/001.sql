INSERT INTO v SELECT id, amount * 2 FROM t;
