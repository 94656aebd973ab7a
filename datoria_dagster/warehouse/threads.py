"""The same of many things at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
V = TypeVar("V")


def in_parallel(act: Callable[[T], V], items: Sequence[T], threads: int) -> list[V]:
    """Return what `act` says of each item, in their order; the first error ends it."""
    if threads == 1 or len(items) <= 1:
        return [act(item) for item in items]
    pool = ThreadPoolExecutor(min(threads, len(items)))
    try:
        return list(pool.map(act, items))
    finally:
        pool.shutdown(cancel_futures=True)
