"""One file a wire format: what a client sends, what it gets, and how an error is said to it."""
