CREATE VIEW v AS SELECT t.id, y.*, xmlroot(t.x, version '1.1', standalone yes) AS r
FROM t, XMLTABLE(
    XMLNAMESPACES('http://x.y' AS z), '/z:rows/z:row' PASSING BY REF x
    COLUMNS a int PATH '@id' NOT NULL, b text PATH 'name' DEFAULT 'none', o FOR ORDINALITY
) AS y;
