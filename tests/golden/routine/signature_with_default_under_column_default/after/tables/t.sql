CREATE TABLE t (id text DEFAULT nid() PRIMARY KEY, other text DEFAULT nid('y'), wide text DEFAULT nid());
