"""The Prefect flows, one per file.

A file's name is its verb.
"""
