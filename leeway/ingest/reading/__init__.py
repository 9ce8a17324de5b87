"""The one reader: a delimited file, Parquet or a query, with the source's own values, a part at a time."""
