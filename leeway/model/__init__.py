"""A bundle and what it says: scores, decisions, explanations."""
