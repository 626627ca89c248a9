"""One statement of the folder becomes the items that it declares: tables, routines, rows, and what is attached to them."""
