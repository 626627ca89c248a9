CREATE FUNCTION rate(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 100; END';
CREATE FUNCTION gross(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN a * public.rate(a); END';
CREATE TABLE item (
    net int,
    gross int GENERATED ALWAYS AS (gross(net)) STORED,
    CHECK (gross(net) >= 100)
);
