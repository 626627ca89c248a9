-- stonegate: allow modify_column_type people.age
ALTER TABLE people NOT OF;
ALTER TABLE people ALTER COLUMN age TYPE int USING age::int;
ALTER TYPE person ALTER ATTRIBUTE age TYPE int;
ALTER TABLE people OF person;
ALTER TYPE person ADD ATTRIBUTE height int CASCADE;
