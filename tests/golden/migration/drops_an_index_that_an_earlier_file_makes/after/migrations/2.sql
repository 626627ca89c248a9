ALTER INDEX scratch RENAME TO scraped;
