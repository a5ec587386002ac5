"""A call that ends in time: what a block will cost, how much fits, and leaving what is late."""
