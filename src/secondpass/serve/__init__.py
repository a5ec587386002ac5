"""The server: rerank APIs of others over HTTP, answered as the library answers."""
