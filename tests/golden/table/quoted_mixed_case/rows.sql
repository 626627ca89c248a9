INSERT INTO "User Data" VALUES (1, 'x');
