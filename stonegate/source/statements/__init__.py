"""One statement becomes the items that it declares: tables, routines, rows, and what is attached to them."""
