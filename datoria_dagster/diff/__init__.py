"""DIFF: two platforms in, the changes between them out. Pure."""
