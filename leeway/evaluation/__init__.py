"""May this challenger be champion? Gates, probes and the model card."""
