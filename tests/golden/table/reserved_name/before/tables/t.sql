CREATE TABLE "order" ("user" int PRIMARY KEY);
