"""From a table to a classifier's two files, by guesses from a sample."""
