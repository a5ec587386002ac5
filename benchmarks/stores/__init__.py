"""How fast the stores of an index are, how large, and what approximate searches find."""
