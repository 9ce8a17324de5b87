"""Batch predictions, and where they come from."""
