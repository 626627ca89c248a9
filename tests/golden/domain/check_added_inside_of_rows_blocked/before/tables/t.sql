CREATE TABLE account (id int PRIMARY KEY, points points);
CREATE TABLE history (id int PRIMARY KEY, before account, rated rated[]);
CREATE TABLE former (points points);
CREATE TABLE memory (row former);
