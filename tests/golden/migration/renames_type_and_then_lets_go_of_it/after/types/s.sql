CREATE DOMAIN other AS int;
