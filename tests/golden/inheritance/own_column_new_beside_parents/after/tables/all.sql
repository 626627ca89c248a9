CREATE TABLE p (a int, d text NOT NULL DEFAULT 'x');
CREATE TABLE c (z date, d text DEFAULT 'y' CHECK (d <> '')) INHERITS (p);
CREATE TABLE g (d text DEFAULT 'z') INHERITS (c);
