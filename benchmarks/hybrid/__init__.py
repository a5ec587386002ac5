"""How good the order is when an index is searched by vectors, by words, and by both."""
