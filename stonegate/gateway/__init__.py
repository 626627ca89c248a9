"""`stonegate serve`: the HTTP door, a drop-in for stonescriptdb-gateway that is safe by default."""
