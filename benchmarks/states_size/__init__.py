"""What an index with states takes: bytes, and the time to make it."""
