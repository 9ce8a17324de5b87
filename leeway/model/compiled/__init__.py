"""A bundle as code that needs neither pandas nor scikit-learn: one row in some ten microseconds.

`describe` writes a fitted pipeline down as data: dictionaries in place of encoders, nodes in place of trees. `build` makes
functions of it. Nothing in the data is code, so a bundle cannot bring any.
"""

from leeway.model.compiled.build import Compiled, build
from leeway.model.compiled.description import Description, read, write

__all__ = ["Compiled", "Description", "build", "read", "write"]
