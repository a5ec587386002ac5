"""What the score cache and the index's stored token ids save."""
