-- How far a sequence and the column that it feeds have come: max of an ascending one, min of a descending one.
SELECT {number}, s.last_value, s.is_called, (SELECT {extreme}({column})::bigint FROM {table}) FROM {sequence} AS s
