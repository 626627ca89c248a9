CREATE TABLE regions (id integer PRIMARY KEY);
CREATE TABLE events (region integer) PARTITION BY LIST (region);
CREATE TABLE events_one PARTITION OF events FOR VALUES IN (1);
ALTER TABLE events ADD CONSTRAINT of_region FOREIGN KEY (region) REFERENCES regions NOT VALID;
CREATE TABLE parent (a integer);
CREATE TABLE child () INHERITS (parent);
ALTER TABLE parent ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
