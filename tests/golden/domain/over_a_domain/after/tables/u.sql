CREATE TABLE u (id int PRIMARY KEY, mail work_email, other any_email, third any_email);
