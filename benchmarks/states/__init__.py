"""States below the join: what they save, what they cost, and how small they can be."""
