"""What things are: frozen dataclasses and enums without any input or output."""
