CREATE TABLE typed (a int, b int, c int);
CREATE TABLE parent (a int);
CREATE TABLE child (own int, b bigint DEFAULT 1) INHERITS (parent);
CREATE TABLE grandchild () INHERITS (child);
CREATE TABLE sibling () INHERITS (parent);
