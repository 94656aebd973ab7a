"""Time: the real one, or one that only tests move."""

import threading
import time


class Clock:
    """The real time, in seconds since 1970."""

    def now(self):
        return time.time()

    def sleep(self, seconds):
        if seconds > 0:
            time.sleep(seconds)


class ManualClock(Clock):
    """A time that moves when somebody sleeps, at once."""

    def __init__(self, now=1_700_000_000.0):
        self._now = now
        self._mutex = threading.Lock()

    def now(self):
        return self._now

    def sleep(self, seconds):
        with self._mutex:
            self._now += max(0.0, seconds)
