CREATE SEQUENCE given OWNED BY v.id;
CREATE TABLE v (id bigint PRIMARY KEY DEFAULT nextval('given'), w bigint REFERENCES w);
CREATE TABLE w (id bigint PRIMARY KEY DEFAULT nextval('given'), v bigint REFERENCES v);
