"""How long the first stage takes by the number of documents, exact and approximate."""
