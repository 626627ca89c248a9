"""A live database becomes a Catalog, and its change stamp tells whether it still is that Catalog."""
