"""APPLY: a plan, carried out under the lease, step by step. The only one that changes a schema."""
