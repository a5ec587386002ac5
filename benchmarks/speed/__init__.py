"""How long 100 candidates take: secondpass and its rivals on the same weights."""
