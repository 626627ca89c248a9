CREATE TABLE "User Data" ("Id" integer PRIMARY KEY, "select" text, "Order By" numeric(8,2) DEFAULT 0);
