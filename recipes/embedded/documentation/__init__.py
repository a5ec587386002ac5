"""Training pairs from software documentation; DOCUMENTATION.md names its sources and licences."""
