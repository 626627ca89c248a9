INSERT INTO t VALUES (1, 'Ärger', 'é'), (2, 'Ast', 'e');
