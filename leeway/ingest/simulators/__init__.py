"""Made-up data sources whose drifts are known."""
