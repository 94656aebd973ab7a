"""KEEP rows: the DuckDB tables, what goes into them and into which partition."""
