"""When a computation ends before it is done: at its deadline, or because nobody waits for it any more."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from copy import copy
from math import inf
from time import monotonic
from typing import Any


class Stop:
    """A deadline, and a cancellation that may come from another thread.

    Args:
        deadline_s: the moment at which to stop, in seconds of `time.monotonic`; None if there is none.

    Examples:
        >>> from connector.models.stopping import Stop
        >>> stop = Stop()
        >>> stop.is_over
        False
        >>> stop.cancel()
        >>> stop.is_over
        True
    """

    def __init__(self, deadline_s: float | None = None) -> None:
        self.deadline_s = deadline_s
        self._cancelled = threading.Event()
        self._waiting: set[threading.Event] = set()
        self._lock = threading.Lock()

    @property
    def is_over(self) -> bool:
        """True once it is time to stop."""
        return self.left_s <= 0

    @property
    def is_cancelled(self) -> bool:
        """True once nobody waits any more."""
        return self._cancelled.is_set()

    @property
    def left_s(self) -> float:
        """How many seconds are left; infinite without a deadline, 0 or less when it is time to stop."""
        if self._cancelled.is_set():
            return 0.0
        return inf if self.deadline_s is None else self.deadline_s - monotonic()

    def no_later_than(self, deadline_s: float) -> Stop:
        """Return the same stop with at most this deadline; cancelling either cancels both."""
        sooner = copy(self)
        sooner.deadline_s = deadline_s if self.deadline_s is None else min(deadline_s, self.deadline_s)
        return sooner

    def cancel(self) -> None:
        """Stop now, and wake whoever waits."""
        with self._lock:
            self._cancelled.set()
            for event in self._waiting:
                event.set()

    def wait_for(self, future: Future[Any]) -> bool:
        """Wait until a future is done, and return True; False if it is time to stop first."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        self.wait(done)
        return future.done()

    def wait(self, done: threading.Event) -> None:
        """Wait until an event is set, which a cancellation also does, or until the deadline."""
        with self._lock:
            self._waiting.add(done)
        try:
            left_s = self.left_s
            if left_s > 0:
                done.wait(None if left_s == inf else left_s)
        finally:
            with self._lock:
                self._waiting.discard(done)
