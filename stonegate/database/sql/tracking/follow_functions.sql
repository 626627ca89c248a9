-- Rows of functions that differ from what was read, where none comes or goes: a fresh session plans a third of
-- record_functions.sql.
WITH [[wanted_functions]]
[[function_changes]]
