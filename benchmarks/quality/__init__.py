"""How good the order is: BM25, the bi-encoder and the reranker on the same candidates."""
