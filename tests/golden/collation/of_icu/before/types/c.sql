CREATE COLLATION phone_book (provider = icu, locale = 'de@collation=phonebook');
