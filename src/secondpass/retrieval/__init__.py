"""The first stage: documents to vectors in an index on disk, and a query to the nearest of them."""
