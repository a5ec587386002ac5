"""A bi-encoder for many languages: made from a PyPI wheel, and measured."""
