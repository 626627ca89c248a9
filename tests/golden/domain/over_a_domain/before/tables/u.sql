CREATE TABLE u (id int PRIMARY KEY, mail email, other email);
