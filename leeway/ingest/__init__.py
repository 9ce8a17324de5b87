"""Events and labels from a source: read, check, audit, publish."""
