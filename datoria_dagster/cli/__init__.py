"""CLI: the commands, what they work on, and how they show it."""
