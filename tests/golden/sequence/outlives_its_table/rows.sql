SELECT setval('numbers', 41);
