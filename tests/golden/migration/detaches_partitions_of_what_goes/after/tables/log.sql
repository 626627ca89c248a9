CREATE TABLE log_2030_one (day date NOT NULL, n int CONSTRAINT positive CHECK (n > 0), note text);
CREATE INDEX log_2030_one_note_idx ON log_2030_one (note);
CREATE TABLE log_2031 (day date NOT NULL, n int CONSTRAINT positive CHECK (n > 0), note text);
