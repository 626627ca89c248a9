CREATE TABLE typed OF pair;
CREATE TABLE parent (a int, b int, c int);
CREATE TABLE child (own int) INHERITS (parent);
CREATE TABLE grandchild () INHERITS (child);
CREATE TABLE sibling () INHERITS (parent);
