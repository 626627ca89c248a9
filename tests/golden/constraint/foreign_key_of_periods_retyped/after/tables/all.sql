CREATE TABLE contracts (id bigint, valid tstzrange, PRIMARY KEY (id, valid WITHOUT OVERLAPS));
CREATE TABLE payments (
    contract bigint,
    valid tstzrange,
    FOREIGN KEY (contract, PERIOD valid) REFERENCES contracts (id, PERIOD valid)
);
