"""What scoring takes on this machine: one line, fitted to a few measurements."""
