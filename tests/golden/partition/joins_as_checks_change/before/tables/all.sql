CREATE TABLE bill (
    day date,
    total int CONSTRAINT sane CHECK (total > 0) CONSTRAINT small CHECK (total < 100),
    tax int CHECK (tax > 0)
) PARTITION BY RANGE (day);
CREATE TABLE bill_old (
    day date,
    total int CONSTRAINT sane CHECK (total > 0) CONSTRAINT small CHECK (total < 100),
    tax int
);
