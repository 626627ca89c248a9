CREATE TABLE t (id text DEFAULT nid() PRIMARY KEY, other text DEFAULT nid(), wide varchar(9) DEFAULT nid());
