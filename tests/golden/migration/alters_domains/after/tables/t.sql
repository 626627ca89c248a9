CREATE TABLE users (email email, age age);
