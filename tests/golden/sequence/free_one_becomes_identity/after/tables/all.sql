CREATE TABLE bill (
    no int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME bill_no_seq) PRIMARY KEY,
    total numeric
);
