"""Model in, model out: order, differences, classes and steps; no I/O, no clock, no chance."""
