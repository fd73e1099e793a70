"""Values made once, on first use, by whichever of many threads comes first.

Everything here survives a fork: the child starts with free locks and nothing half made.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")

_forkable: WeakSet[ForkSafe] = WeakSet()


class ForkSafe:
    """An object with state that a forked child must not inherit.

    `after_fork_in_child` sets that state up; it runs when the object is made and again in every forked child.
    """

    def __init__(self) -> None:
        self.after_fork_in_child()
        _forkable.add(self)

    def after_fork_in_child(self) -> None:
        """Set up the state; whatever other threads of the parent were doing is forgotten."""
        raise NotImplementedError


class ForkSafeLock(ForkSafe):
    """A mutex that is free in a forked child, whoever held it in the parent."""

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Replace the lock by a free one."""
        self._lock = threading.Lock()


class Once(ForkSafe, Generic[T]):
    """A value made by `make()` on the first `get()`, once, however many threads call it at the same time.

    If `make` raises, every thread that waited for that attempt gets its error, and the next `get()` tries again.

    Args:
        make: takes no arguments and returns the value; it must not call `get()` on the same Once.

    Examples:
        >>> from connector.models import Once
        >>> def load() -> str:
        ...     print("loading")
        ...     return "model"
        >>> model = Once(load)
        >>> model.get() + model.get()
        loading
        'modelmodel'
    """

    _attempt: Future[T] | None

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = ForkSafeLock()
        self._value: tuple[T] | None = None
        super().__init__()

    @property
    def is_made(self) -> bool:
        """True if `get` returns at once."""
        return self._value is not None

    def get(self) -> T:
        """Return the value; make it, or wait for the thread that is making it.

        Raises:
            Exception: whatever `make` raised.
        """
        if self._value is not None:
            return self._value[0]
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
        self._value = (value,)
        attempt.set_result(value)
        return value

    def after_fork_in_child(self) -> None:
        """Drop an unfinished attempt: the thread that made it does not exist in the child."""
        if self._value is None:
            self._attempt = None


_shared: dict[Hashable, Once[Any]] = {}
_shared_lock = ForkSafeLock()


def shared(key: Hashable, make: Callable[[], T]) -> T:
    """Return the value that the first `make()` for this key returned in this process, so a model is loaded once."""
    with _shared_lock:
        once: Once[T] = _shared.setdefault(key, Once(make))
    return once.get()


def _after_fork_in_child() -> None:
    for item in list(_forkable):
        item.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
