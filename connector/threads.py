"""Threads of this package's own for work that would block an event loop.

asyncio's default executor also resolves host names: a reranker that waits there for the loop's own work would starve
it. So nothing in this package runs on that executor.
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
    """A function raised what no coroutine can raise for it, as StopIteration or SystemExit, which is the cause."""


class Threads:
    """Daemon threads that run functions for coroutines, started when needed and gone when idle.

    At most `most` threads run while work gets done. When all are busy and nothing has finished for `stalled_s`, as when
    each waits for the loop, which waits for a function that is still queued, more are started, twice as many each time,
    so that there is never a deadlock. A forked child begins with none.

    Args:
        name: what the threads are called.
        most: how many threads run while work gets done.
        stalled_s: how long nothing may finish, in seconds, before more threads are started.
    """

    def __init__(self, name: str, *, most: int = _MOST, stalled_s: float = _STALLED_S) -> None:
        self._name = name
        self._most = most
        self._stalled_s = stalled_s
        self.after_fork_in_child()
        _all.add(self)

    def after_fork_in_child(self) -> None:
        """Begin with no threads and nothing to do: the parent's threads do not exist in the child."""
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
        """Return what a function returns that runs on a thread, in this coroutine's context.

        A cancelled coroutine does not wait: its function is dropped if it has not begun, else its result is.

        Raises: whatever the function raises; UnraisableError for what no coroutine can raise for it.
        """
        future = self._submit(partial(copy_context().run, function, *args, **kwargs))
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
                answer.exception()  # so that asyncio does not report it as never retrieved

    def _submit(self, work: Callable[[], T]) -> Future[T]:
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
                self._progress += 1  # so that of all who see the stall only one starts threads
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
        """Return the oldest function; None for a thread that is to end."""
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
    """Return the error itself where a coroutine can raise it for the function that did, else an UnraisableError.

    A StopIteration is never answered on Python 3.10 and 3.11, and a cancellation would look like the task's own.
    """
    is_lost = isinstance(error, StopIteration | FutureCancelledError)
    if isinstance(error, Exception | KeyboardInterrupt) and not is_lost:
        return error
    made = UnraisableError(type(error).__name__)
    made.__cause__ = error
    return made


def _after_fork_in_child() -> None:
    for threads in list(_all):
        threads.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

MODELS = Threads("connector-models")
"""Encoders, rerankers, and work on texts."""

SEARCHES = Threads("connector-searches")
"""Whole searches of a sync client that a coroutine waits for."""
