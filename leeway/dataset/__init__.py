"""Features as of each event, snapshots and label arrivals."""
