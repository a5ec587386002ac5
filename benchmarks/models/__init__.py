"""Pairs a second of random weights of the shapes that people use."""
