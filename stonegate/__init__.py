"""stonegate: a `postgresql/` folder goes in, a plan comes out, and every door carries out the same plan."""

__version__ = "0.1.0"
