CREATE SEQUENCE bill_no_seq;
CREATE TABLE bill (
    no int PRIMARY KEY DEFAULT nextval('bill_no_seq'),
    total numeric
);
