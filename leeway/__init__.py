"""Leeway runs tabular classifiers in production.

A definition in `models/` imports its parts from `leeway.definition`; everything heavy is imported where it is used.
"""

from leeway.core.environment import prepare_libraries

# Here, because it must come before the first import of any library that reads these variables as it loads.
prepare_libraries()
