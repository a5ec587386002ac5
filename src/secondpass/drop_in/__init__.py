"""CrossEncoder: the class of sentence-transformers with that name, on this library's engines."""
