"""The only door to sqlglot; pure. Nothing here imports it before a function needs it."""
