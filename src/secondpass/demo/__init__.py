"""The documents of the demo: docstrings of the running Python, and their index."""
