"""From a table to a classifier: what a source holds, guessed from a sample, and the two files that say so."""
