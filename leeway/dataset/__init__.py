"""What is learnt from: features as of each event, snapshots, labels known."""
