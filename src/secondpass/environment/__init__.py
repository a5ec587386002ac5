"""What a measurement depends on besides the code: the machine, the software, the data."""
