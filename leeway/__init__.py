"""Leeway runs tabular classifiers in production.

A definition in `models/` imports its parts from `leeway.definition`; everything heavy is imported where it is used.
"""

from leeway.environment import switch_off_telemetry

# Here, because it must come before the first import of any library that reads these variables as it loads.
switch_off_telemetry()
