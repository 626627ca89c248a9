"""One database from folder to report: what is there, what it needs, carried out (architecture, walks 1 and 2)."""
