"""The package's own threads, for work that would block an event loop.

asyncio's default executor also resolves host names: rerankers that fill it while they wait for the loop would starve
the loop.
So nothing in this package runs on that executor.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar
from weakref import WeakSet

T = TypeVar("T")

_MOST = 32
_STALLED_S = 0.5
_IDLE_S = 10.0

_all: WeakSet[Threads] = WeakSet()


class UnraisableError(RuntimeError):
    """A function raised what no coroutine can raise for it, such as StopIteration or SystemExit; that is the cause."""


class Threads:
    """Daemon threads that run functions for coroutines; they start when needed and end when idle.

    At most `most` threads run as long as functions finish.
    If all are busy and nothing has finished for `stalled_s`, more are started, twice as many each time.
    This prevents a deadlock when every thread waits for the loop, and the loop waits for a queued function.
    A forked child starts with no threads.

    Args:
        name: the threads' name.
        most: how many threads run as long as functions finish.
        stalled_s: how many seconds may pass without a finished function before more threads start.
    """

    def __init__(self, name: str, *, most: int = _MOST, stalled_s: float = _STALLED_S) -> None:
        self._name = name
        self._most = most
        self._stalled_s = stalled_s
        self.after_fork_in_child()
        _all.add(self)

    def after_fork_in_child(self) -> None:
        """Start with no threads and an empty queue: the parent's threads do not exist in the child."""
        self._changed = threading.Condition()
        self._queue: dict[Future[Any], Callable[[], Any]] = {}
        self._count = 0
        self._idle = 0
        self._progress = 0

    @property
    def count(self) -> int:
        """How many threads there are."""
        return self._count

    @property
    def queued(self) -> int:
        """How many functions wait for a thread."""
        return len(self._queue)

    async def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a function on a thread, in this coroutine's context, and return its result.

        A cancelled coroutine does not wait: its function is dropped if it has not started, otherwise its result is.

        Raises:
            BaseException: whatever the function raised.
            UnraisableError: the function raised what no coroutine can raise for it.
        """
        future = self.submit(partial(copy_context().run, function, *args, **kwargs))
        answer = asyncio.wrap_future(future)
        try:
            while not (answer.done() or future.running()):
                progress = self._progress
                await asyncio.wait([answer], timeout=self._stalled_s)
                self._start_more_if_stalled_since(progress)
            return await answer
        finally:
            if not answer.done():
                answer.cancel()
            elif not answer.cancelled():
                answer.exception()  # so asyncio does not report it as never retrieved

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run a function on a thread as soon as one is free, and return the future of its result."""
        future: Future[T] = Future()
        with self._changed:
            self._queue[future] = work
            if self._idle >= len(self._queue):
                self._changed.notify()
            elif self._count < self._most:
                self._start()
        future.add_done_callback(self._forget_if_cancelled)
        return future

    def _forget_if_cancelled(self, future: Future[Any]) -> None:
        if future.cancelled():
            with self._changed:
                self._queue.pop(future, None)

    def _start_more_if_stalled_since(self, progress: int) -> None:
        with self._changed:
            if progress == self._progress and not self._idle:
                self._progress += 1  # so only one of those that see the stall starts threads
                extra = max(1, self._count - self._most)
                for _ in range(min(extra, len(self._queue))):
                    self._start()

    def _start(self) -> None:
        self._count += 1
        threading.Thread(target=self._work, args=(self._changed,), name=self._name, daemon=True).start()

    def _work(self, changed: threading.Condition) -> None:
        while (job := self._next(changed)) is not None:
            _answer(*job)
            del job  # an idle thread must not keep the last answer alive
            with changed:
                self._progress += 1

    def _next(self, changed: threading.Condition) -> tuple[Future[Any], Callable[[], Any]] | None:
        """Return the oldest function; None if the thread should end."""
        with changed:
            if not self._queue and self._count <= self._most:
                self._idle += 1
                changed.wait_for(lambda: bool(self._queue), timeout=_IDLE_S)
                self._idle -= 1
            if not self._queue:
                self._count -= 1
                return None
            future = next(iter(self._queue))
            return future, self._queue.pop(future)


def _answer(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:
        future.set_exception(raisable(error))
    else:
        future.set_result(result)


def raisable(error: BaseException) -> BaseException:
    """Return the error itself if a coroutine can raise it for the function that did, else an UnraisableError.

    On Python 3.10 and 3.11 a future never delivers a StopIteration, and a cancellation would look like the task's own.
    """
    is_lost = isinstance(error, StopIteration | FutureCancelledError)
    if isinstance(error, Exception | KeyboardInterrupt) and not is_lost:
        return error
    wrapper = UnraisableError(type(error).__name__)
    wrapper.__cause__ = error
    return wrapper


def _after_fork_in_child() -> None:
    for threads in list(_all):
        threads.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

MODELS = Threads("connector-models")
"""For encoders, rerankers, and work on texts."""

RERANKERS = Threads("connector-rerankers", most=256)
"""For rerankers that may be late: those that hang must not take a thread from anybody else."""

SEARCHES = Threads("connector-searches")
"""For whole searches by a sync client that a coroutine waits for."""
