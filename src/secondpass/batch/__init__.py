"""Many rows of one query and its documents: scored shard by shard, here or on Ray, and resumed."""
