"""The base of every package: errors, settings, files, numbers."""
