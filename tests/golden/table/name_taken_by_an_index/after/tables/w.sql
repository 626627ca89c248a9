CREATE TABLE w (a int);
CREATE INDEX idx ON w (a);
