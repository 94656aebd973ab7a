"""PLAN: judged changes in, ordered steps out. Pure."""
