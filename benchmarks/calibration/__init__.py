"""How far the embedded model's probabilities can be trusted on collections they do not know."""
