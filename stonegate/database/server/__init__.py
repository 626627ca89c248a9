"""What is a server's rather than a database's: its facts, databases, locks, sizes and capacity."""
