"""From a source to events and labels: read, check, audit, publish."""
