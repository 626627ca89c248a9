-- The second key of the apply lock of this database (server/locks.py).
('x' || pg_catalog.left(
            pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.current_database()::text, 'UTF8')), 'hex'),
            8
        ))::bit(32)::integer & 2147483647
