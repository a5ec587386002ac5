"""Examines a model before it is trusted: what goes wrong silently when models are converted."""
