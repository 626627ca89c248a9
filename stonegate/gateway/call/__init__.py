"""`POST /call`: which database, which overload, which connection; one round trip; PostgreSQL's rows as they are."""
