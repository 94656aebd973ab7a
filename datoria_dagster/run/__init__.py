"""RUN: which executions are stale, and carrying them out. Never changes a schema."""
