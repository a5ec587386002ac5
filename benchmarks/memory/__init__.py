"""How much memory a call takes, from 100 candidates to 10,000."""
