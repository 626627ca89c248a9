CREATE TABLE "User Data" ("Id" integer PRIMARY KEY, "select" text);
