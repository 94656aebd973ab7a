"""CHANGE resources: inserts, patches, statements, and what follows from them for the rows."""
