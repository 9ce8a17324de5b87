"""What everything else stands on: errors, settings, files, numbers."""
