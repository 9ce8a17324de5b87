"""Batch predictions, their lineage, and sketches of them."""
