"""Ranking quality on judged queries: does reranking help, how much, and at what depth?"""
