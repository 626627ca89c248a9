CREATE TABLE contracts (id integer, valid tstzrange, PRIMARY KEY (id, valid WITHOUT OVERLAPS));
CREATE TABLE payments (
    contract integer,
    valid tstzrange,
    FOREIGN KEY (contract, PERIOD valid) REFERENCES contracts (id, PERIOD valid)
);
