"""Things that are made once, on first use, by whichever of many threads comes first.

What is here survives a fork: the child starts with free locks, and with nothing half made.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import Any, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")

_forkable: WeakSet[ForkSafe | ForkSafeLock | Once[Any]] = WeakSet()


class ForkSafe:
    """Something that begins anew in a forked child: `after_fork_in_child` sets it up, there and when it is made."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        _forkable.add(self)

    def after_fork_in_child(self) -> None:
        """Set up; another thread's doings in the parent are forgotten."""
        raise NotImplementedError


class ForkSafeLock:
    """A mutex that is free in a forked child, whoever held it in the parent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _forkable.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Forget who held it."""
        self._lock = threading.Lock()


def turn_on(device: str) -> AbstractContextManager[None]:
    """Return what a run on a device of torch ("cpu", "cuda:0", ...) holds: an accelerator's turn, else nothing."""
    return nullcontext() if device.startswith("cpu") else ForkSafeLock()


class Once(Generic[T]):
    """A value made by `make()` on the first `get()`, once, however many threads ask at the same time.

    When `make` raises, all who waited for that attempt get its error, and the next `get()` tries again.

    Args:
        make: takes nothing, returns the value; it must not ask the same Once.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = ForkSafeLock()
        self._attempt: Future[T] | None = None
        self._made: tuple[T] | None = None
        _forkable.add(self)

    def get(self) -> T:
        """Return the value; make it, or wait for the thread that is making it. Raises: what `make` raised."""
        if self._made is not None:
            return self._made[0]
        with self._lock:
            attempt = self._attempt
            is_mine = attempt is None
            if attempt is None:
                attempt = self._attempt = Future()
        if not is_mine:
            return attempt.result()
        try:
            value = self._make()
        except BaseException as error:
            with self._lock:
                self._attempt = None
            attempt.set_exception(error)
            raise
        self._made = (value,)
        attempt.set_result(value)
        return value

    def after_fork_in_child(self) -> None:
        """Drop an attempt that a thread of the parent was at: that thread does not exist here."""
        if self._made is None:
            self._attempt = None


_shared: dict[Hashable, Once[Any]] = {}
_shared_lock = ForkSafeLock()


def shared(key: Hashable, make: Callable[[], T]) -> T:
    """Return what `make()` gave for this key the first time anyone in the process asked: a model is in memory once."""
    with _shared_lock:
        once: Once[T] = _shared.setdefault(key, Once(make))
    return once.get()


@contextmanager
def quiet_progress() -> Iterator[None]:
    """Keep transformers from drawing a progress bar for every file of weights while a model loads."""
    from transformers.utils import logging as transformers_logging

    was_shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if was_shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _after_fork_in_child() -> None:
    for item in list(_forkable):
        item.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
