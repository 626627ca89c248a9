CREATE TABLE appointments (id int PRIMARY KEY, doctor_id int);
