"""JUDGE: what each change hurts, how it would be done, and what to do instead. Pure."""
