"""Bundles: scores, decisions and explanations."""
