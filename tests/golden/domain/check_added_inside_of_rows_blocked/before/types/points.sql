CREATE DOMAIN points AS int;
