"""What is gained by reading only the sentences of a candidate that are nearest to the query."""
