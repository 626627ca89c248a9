CREATE TYPE fr AS RANGE (subtype = float8, multirange_type_name = frs);
