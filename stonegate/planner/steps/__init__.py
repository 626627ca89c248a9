"""Changes become Steps: cut into operations, put in order, written as SQL, and put into the phases of an apply."""
