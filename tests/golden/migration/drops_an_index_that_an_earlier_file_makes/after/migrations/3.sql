DROP INDEX scraped;
