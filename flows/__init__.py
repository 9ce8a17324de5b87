"""One flow per file; the file's name is its verb."""
