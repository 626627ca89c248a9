"""Values become text, JSON, Markdown or SQL: nothing here reads, writes or decides anything."""
