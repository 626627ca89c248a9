CREATE SCHEMA "My App";
CREATE TABLE "My App"."T" (id int PRIMARY KEY, "V" text DEFAULT 'x');
CREATE INDEX ON "My App"."T" ("V");
