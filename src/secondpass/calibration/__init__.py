"""From logits to probabilities of relevance: fitted on judged pairs, chosen by cross-validation."""
