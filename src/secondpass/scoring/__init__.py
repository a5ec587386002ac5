"""The pure stages, in the data's order: candidates, encode, windows, pairs, batches, ranking."""
