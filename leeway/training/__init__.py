"""Training: from a snapshot to a bundle."""
