"""Calls with a time budget: the cost of a block, how much fits, and abandoning late blocks."""
