"""Compiles a model to int8 and admits the result only if it ranks like fp32 on this machine."""
