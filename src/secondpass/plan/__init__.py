"""Predicts latency and memory on this machine from a short calibration."""
