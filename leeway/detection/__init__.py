"""The statistics of drift, pure: no store, no bundle."""
