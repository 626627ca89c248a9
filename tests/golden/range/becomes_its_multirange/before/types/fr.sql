CREATE TYPE fr AS RANGE (subtype = double precision, multirange_type_name = frs);
