"""What things are: immutable values and enums without any input or output.

The values are msgspec structs, as those of the other packages: what frozen dataclasses with slots are, but made and
compared in C, while Python compiles methods for each dataclass at each start (a third of the command line's start).
"""
