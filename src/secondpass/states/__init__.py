"""A text's states below the join: how they are kept, and what can be computed of them."""
