CREATE TABLE regions (id integer PRIMARY KEY);
CREATE TABLE events (region integer, CONSTRAINT of_region FOREIGN KEY (region) REFERENCES regions)
    PARTITION BY LIST (region);
CREATE TABLE events_one PARTITION OF events FOR VALUES IN (1);
CREATE TABLE parent (a integer, CONSTRAINT positive CHECK (a > 0));
CREATE TABLE child () INHERITS (parent);
