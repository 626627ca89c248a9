CREATE COLLATION phone_book (provider = icu, locale = 'de@collation=phonebook');
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN mail AS text COLLATE any_case;
