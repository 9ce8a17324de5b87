"""One step per file: a thin Prefect task around library functions."""
