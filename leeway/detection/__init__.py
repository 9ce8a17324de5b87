"""The statistics of drift, without store or bundle."""
