-- stonegate: run-on-fresh
CREATE PUBLICATION p;
