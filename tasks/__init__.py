"""The Prefect tasks, one per file.

Each is a thin task around library functions.
"""
