"""The monitor: it compares partitions with the reference.

A partition is unusual where it differs more than the reference's own partitions differ from each other.
"""
