CREATE TABLE idx (a int);
