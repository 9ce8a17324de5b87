"""From a snapshot to a bundle: candidates, folds, calibration, threshold."""
