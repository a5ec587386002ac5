"""Runs a model on batches: the only level that knows OpenVINO or torch at run time."""
