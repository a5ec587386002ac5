"""The reranker as components of other frameworks, one file and one extra each."""
