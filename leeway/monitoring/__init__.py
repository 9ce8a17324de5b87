"""The monitor: compare a partition with what the reference's own partitions vary among themselves."""
