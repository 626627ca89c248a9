-- As record_functions.sql, where no routine comes or goes: a fresh session plans a third of it.
WITH [[wanted_functions]]
[[function_changes]]
