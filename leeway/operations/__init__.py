"""Look after classifiers and the platform's processes."""
