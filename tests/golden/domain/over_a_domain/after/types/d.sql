CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN work_email AS email DEFAULT 'nobody@work' CHECK (VALUE NOT LIKE '%gmail%');
CREATE DOMAIN any_email AS email;
