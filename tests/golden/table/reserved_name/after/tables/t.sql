CREATE TABLE "order" ("user" int PRIMARY KEY, "table" text);
CREATE INDEX ON "order" ("table");
