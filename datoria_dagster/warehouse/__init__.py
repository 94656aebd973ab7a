"""The only door to a database: one port, and what stands behind it."""
