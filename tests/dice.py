"""The dice that laws are tried with, and how often they are thrown."""

from math import ceil
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

GENERATIONS = 10
_COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
settings.register_profile("test", max_examples=150, derandomize=True, **_COMMON)
settings.register_profile("laws", max_examples=5000, **_COMMON)  # what `make laws` runs


def throws() -> int:
    """How many examples a law is tried with."""
    return settings.get_profile(settings.get_current_profile_name()).max_examples


def thrown() -> st.SearchStrategy[Random]:
    """Dice: such that a counterexample shrinks or, for many examples, quicker ones by a seed."""
    if throws() > settings.get_profile("test").max_examples:
        return st.integers(0, 2**64 - 1).map(Random)
    return st.randoms(use_true_random=False)


def shards() -> range:
    """Into how many tests a slow law is split, so that they can be tried side by side."""
    return range(ceil(throws() / 625))


def share() -> settings:
    """The settings of one of them, which tries GENERATIONS examples with one throw."""
    return settings(max_examples=ceil(throws() / len(shards()) / GENERATIONS))
