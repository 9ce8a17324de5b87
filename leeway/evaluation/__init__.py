"""Evaluation: gates, probes and the model card."""
