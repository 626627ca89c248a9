CREATE TABLE bill (
    no int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    total numeric
);
