"""Work side by side: chains of it, the links of one in turn, until something fails."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from queue import SimpleQueue
from threading import Condition
from typing import Generic, TypeVar

_PATIENCE_SECONDS = 1.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Crew:
    """How many work at once, and how what is under way is asked to end."""

    size: int
    cancel: Callable[[], None]


def carry_out(
    chains: Sequence[Sequence[T]],
    act: Callable[[T], bool],
    on_done: Callable[[T], None],
    crew: Crew,
) -> None:
    """Carry the links out. After the first for which `act` is false, nothing more is begun.

    `on_done` is called with each link, in the caller's thread. When the caller is interrupted, or
    `on_done` raises, what is under way is cancelled, and has ended when this raises.
    """
    work = _Work(act, on_done)
    pool = ThreadPoolExecutor(min(crew.size, len(chains)))
    # One who works alone is not told of a link before the last one is reported.
    rounds = [chains] if crew.size > 1 else [[[link]] for link in chain.from_iterable(chains)]
    try:
        for each in rounds:
            work.do(each, pool)
    except BaseException:
        work.stop()
        pool.shutdown(wait=False, cancel_futures=True)
        # Again and again: what was asked before it had begun did not hear it.
        crew.cancel()
        while work.is_under_way(_PATIENCE_SECONDS):
            crew.cancel()
        raise
    finally:
        pool.shutdown()


class _Work(Generic[T]):
    """What the threads share."""

    def __init__(self, act: Callable[[T], bool], on_done: Callable[[T], None]) -> None:
        self._act = act
        self._on_done = on_done
        self._changed = Condition()
        self._busy = 0
        self._stopped = False
        # Links that are done, and an empty tuple at the end of each chain.
        self._done: SimpleQueue[tuple[T, ...]] = SimpleQueue()

    def do(self, chains: Sequence[Sequence[T]], pool: ThreadPoolExecutor) -> None:
        """Carry out chains, and report what is done until all of them have ended."""
        futures = [pool.submit(self._follow, links) for links in chains]
        rest = len(chains)
        while rest:
            links = self._done.get()
            rest -= not links
            for link in links:
                self._on_done(link)
        for future in futures:
            future.result()

    def stop(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._stopped = True

    def is_under_way(self, seconds: float) -> bool:
        """Tell whether something still runs after so many seconds."""
        with self._changed:
            return not self._changed.wait_for(lambda: not self._busy, seconds)

    def _follow(self, links: Sequence[T]) -> None:
        try:
            for link in links:
                if not self._begin():
                    return
                self._carry_out(link)
        finally:
            self._done.put(())

    def _begin(self) -> bool:
        with self._changed:
            self._busy += not self._stopped
            return not self._stopped

    def _carry_out(self, link: T) -> None:
        go_on = False
        try:
            go_on = self._act(link)
            self._done.put((link,))
        finally:
            with self._changed:
                self._stopped = self._stopped or not go_on
                self._busy -= 1
                self._changed.notify_all()
