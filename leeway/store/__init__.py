"""The store: PostgreSQL, files and objects."""
