"""One file a contestant, three names in each: LABEL, load(work), and what load returns: rerank."""
