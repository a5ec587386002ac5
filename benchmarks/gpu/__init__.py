"""Pairs a second of the torch engine on a GPU, beside sentence-transformers."""
