"""A reranker of a client, and how many searches it reads for at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable
from weakref import WeakSet

from connector.errors import OverloadedError
from connector.models.compute_pool import cores
from connector.models.late_calls import LateCalls
from connector.models.once import ForkSafeLock
from connector.models.readings import Stoppable

_PER_CORE, _CALLS = 16, 256

READERS: WeakSet[Reader] = WeakSet()
"""Those of this process."""


@runtime_checkable
class _Calling(Protocol):
    """A reranker that does not compute here itself."""

    calls: LateCalls


class Reader:
    """A reranker with a bounded queue.

    Attributes:
        searches: how many searches it reads for now.

    Args:
        name: the reranker's name.
        stoppable: the reranker.
        limit: how many searches it reads for at the same time; None: 16 for each core if it computes here, 256 if it is
            called, since then it may compute elsewhere.
    """

    def __init__(self, name: str, stoppable: Stoppable, limit: int | None) -> None:
        self.name = name
        self.stoppable = stoppable
        self._limit = limit or (_CALLS if isinstance(stoppable, _Calling) else _PER_CORE * cores())
        self.searches = 0
        self._lock = ForkSafeLock()
        READERS.add(self)

    @property
    def is_circuit_open(self) -> bool:
        """True while the reranker is not called because it was late several times."""
        return isinstance(self.stoppable, _Calling) and self.stoppable.calls.is_open

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Take a place in the queue.

        Raises:
            OverloadedError: there is none left.
        """
        with self._lock:
            if self.searches >= self._limit:
                raise OverloadedError(f"reranker {self.name!r} already reads for {self._limit} searches")
            self.searches += 1
        try:
            yield
        finally:
            with self._lock:
                self.searches -= 1
