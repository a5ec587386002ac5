"""What may be asked: frozen, checked dataclasses of plain values. Loads no numpy."""
