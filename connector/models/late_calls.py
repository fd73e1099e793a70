"""Functions that may be late, or never return: each call has a deadline, and calls that hang are bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from time import monotonic
from typing import TypeVar

from connector.errors import CircuitOpenError, DeadlineError
from connector.models.once import ForkSafe
from connector.models.stopping import Stop
from connector.threads import RERANKERS

T = TypeVar("T")

_MOST_LATE = 8
"""How many late calls of one function may be running."""
_LATE_IN_A_ROW = 3
_OPEN_S, _LONGEST_OPEN_S = 1.0, 60.0


class LateCalls(ForkSafe):
    """Calls one function on threads of its own, and gives up on calls that are late.

    A circuit breaker: after three late calls in a row, or while eight late ones still run, calls are refused. After a
    second a single call is let through as a probe. If it is late too, the next probe waits twice as long, up to a
    minute; if it is in time, all calls are let through again.

    Args:
        name: the function's name, for errors.
        clock: returns seconds, which never decrease.

    Source: Nygard, Release It! (2007), "Circuit Breaker".
    """

    def __init__(self, name: str, clock: Callable[[], float] = monotonic) -> None:
        self._name = name
        self._clock = clock
        super().__init__()

    def after_fork_in_child(self) -> None:
        """Start with a closed circuit: the parent's calls do not run in the child."""
        self._lock = threading.Lock()
        self.late_running = 0
        self._late_in_a_row = 0
        self._opened_s: float | None = None
        self._open_for_s = _OPEN_S

    @property
    def is_open(self) -> bool:
        """True while calls are refused."""
        with self._lock:
            return self._refuses()

    def run(self, work: Callable[[], T], stop: Stop) -> T:
        """Run a function on another thread, and return its result.

        Raises:
            DeadlineError: it was not done in time; its result, when there is one, is dropped.
            CircuitOpenError: it was not run, because calls before it were late.
            BaseException: whatever the function raised.
        """
        with self._lock:
            if self._refuses():
                raise CircuitOpenError(f"reranker {self._name!r} was late several times, and is not called for a while")
            if self._opened_s is not None:
                self._opened_s = self._clock()  # this call is the probe, others wait for its outcome
        future = RERANKERS.submit(partial(copy_context().run, work))
        if not stop.wait_for(future):
            self._note_late(is_our_doing=stop.is_cancelled)
            future.add_done_callback(lambda _: self._forget_late())
            future.cancel()
            raise DeadlineError(f"reranker {self._name!r} was not done in time")
        with self._lock:
            self._late_in_a_row, self._opened_s, self._open_for_s = 0, None, _OPEN_S
        return future.result()

    def _refuses(self) -> bool:
        if self.late_running >= _MOST_LATE:
            return True
        return self._opened_s is not None and self._clock() - self._opened_s < self._open_for_s

    def _note_late(self, *, is_our_doing: bool) -> None:
        with self._lock:
            self.late_running += 1
            if is_our_doing:
                return
            self._late_in_a_row += 1
            if self._late_in_a_row >= _LATE_IN_A_ROW:
                if self._opened_s is not None:
                    self._open_for_s = min(2 * self._open_for_s, _LONGEST_OPEN_S)
                self._opened_s = self._clock()

    def _forget_late(self) -> None:
        with self._lock:
            self.late_running -= 1
