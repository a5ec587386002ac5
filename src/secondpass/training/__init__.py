"""Fine-tunes a cross-encoder on (query, positive, negatives), and says what really happened."""
