"""What one changed import does to the time of a script, and to its answers."""
