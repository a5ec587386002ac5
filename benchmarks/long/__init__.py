"""What the rules for long documents give: passages hidden in long documents, then reranked."""
