"""Who is told about searches while they run: see `connector.telemetry`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

SEARCH = "search"
"""The stage that contains all others."""


@dataclass(frozen=True)
class Searched:
    """A search that is done.

    Attributes:
        took_s: seconds by stage.
        wanted: the pairs that the outermost reranker was to read; 0 without one.
        read: those that it has read.
        cache_hits: how many of its scores were known already.
        degraded: the codes of what is less than was requested.
    """

    took_s: dict[str, float]
    wanted: int
    read: int
    cache_hits: int
    degraded: Sequence[str]


class Observer(Protocol):
    """Is told about every search of this process."""

    def stage(self, name: str) -> AbstractContextManager[object]:
        """Return a context in which a stage runs; `search` is the whole."""

    def done(self, searched: Searched) -> None:
        """Take note of a search that is done."""

    def failed(self, error: BaseException) -> None:
        """Take note of a search that raised an error."""


OBSERVERS: list[Observer] = []
"""Those of this process; usually none."""


@contextmanager
def observed_stage(name: str) -> Iterator[None]:
    """Let every observer see a stage."""
    if not OBSERVERS:
        yield
        return
    with ExitStack() as stack:
        for observer in OBSERVERS:
            stack.enter_context(observer.stage(name))
        yield
