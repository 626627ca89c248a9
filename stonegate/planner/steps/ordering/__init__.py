"""In what order operations run, and why: one module for each reason that one has to come before another."""
