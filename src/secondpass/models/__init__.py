"""What a model is: a name becomes a folder, a folder becomes a spec."""
