CREATE VIEW v AS SELECT xmlelement(name e, xmlattributes(id AS i), n) AS e, xmlforest(n, id AS num) AS f,
    xmlpi(name php, 'x') AS p, xmlserialize(content x AS text) AS s, x IS DOCUMENT AS d
FROM t;
