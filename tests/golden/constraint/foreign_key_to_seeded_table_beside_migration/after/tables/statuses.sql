CREATE TABLE statuses (code text PRIMARY KEY);
