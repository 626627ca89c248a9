CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
