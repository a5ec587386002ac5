"""Measures latency: each stage of a two-stage search, its percentiles, memory and CPU time."""
