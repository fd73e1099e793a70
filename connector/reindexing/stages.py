"""Reads, encodes and writes in parallel: three kinds of threads with bounded queues between them.

The queues bound the memory, whatever the size of the source.
Batches are acknowledged in the order in which they were read, so the position of a partition never runs ahead of what
is safely written.
A stop drops what was only read, and keeps what was written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import Any, Generic, TypeVar

from connector.reindexing.items import DeadLetter, Item, Page, Prepared

_BATCH_ITEMS = 512
_BATCH_PAGES = 16
_READ_AHEAD_PAGES = 6
_WRITE_AHEAD = 2
_TICK_S = 0.2
Thing = TypeVar("Thing")


@dataclass
class Batch:
    """Pages processed together.

    Attributes:
        prepared: their items with vectors.
        dead: their items that can't be written.
        positions: the positions of their partitions once the batch is acknowledged.
    """

    prepared: list[Prepared] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    positions: dict[str, Any] = field(default_factory=dict)


class _Pipe(Generic[Thing]):
    """A bounded queue whose ends stop waiting when the stages give up."""

    def __init__(self, size: int, given_up: threading.Event, writers: int) -> None:
        self._queue: Queue[Thing | None] = Queue(size)
        self._given_up = given_up
        self._writers = writers

    def put(self, thing: Thing | None) -> None:
        while not self._given_up.is_set():
            try:
                return self._queue.put(thing, timeout=_TICK_S)
            except Full:
                continue
        return None

    def close(self) -> None:
        """Tell the reader that one of the writers is done."""
        self.put(None)

    def get(self) -> Thing | None:
        """Return the next thing; None if there are no more."""
        while not self._given_up.is_set():
            try:
                thing = self._queue.get(timeout=_TICK_S)
            except Empty:
                continue
            if thing is not None:
                return thing
            self._writers -= 1
            if self._writers == 0:
                return None
        return None


class Stages:
    """One pass over a source.

    Args:
        read: yields the pages of a partition.
        prepare: makes a batch of pages; called by one thread.
        write: writes a batch and acknowledges it; called by one thread, in the order of reading.
        stop: set to end the pass early.
        readers: how many partitions are read in parallel.
    """

    def __init__(
        self,
        read: Callable[[str], Any],
        prepare: Callable[[Sequence[Page]], Batch],
        write: Callable[[Batch], None],
        stop: threading.Event,
        readers: int = 2,
    ) -> None:
        self._read = read
        self._prepare = prepare
        self._write = write
        self._stop = stop
        self._readers = readers
        self._given_up = threading.Event()
        self._failure: BaseException | None = None

    def run(self, partitions: Sequence[str], on_tick: Callable[[], None]) -> None:
        """Read, prepare and write everything, unless `stop` is set.

        Whatever a stage raises first is raised here; what was acknowledged stays acknowledged.
        """
        waiting: Queue[str] = Queue()
        for partition in partitions:
            waiting.put(partition)
        readers = max(min(self._readers, len(partitions)), 1)
        pages: _Pipe[Page] = _Pipe(_READ_AHEAD_PAGES, self._given_up, readers)
        batches: _Pipe[Batch] = _Pipe(_WRITE_AHEAD, self._given_up, 1)
        work: list[Callable[[], None]] = [lambda: self._read_all(waiting, pages)] * readers
        work += [lambda: self._prepare_all(pages, batches), lambda: self._write_all(batches)]
        threads = [threading.Thread(target=self._guarded, args=(each,), name="reindex", daemon=True) for each in work]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                threads[-1].join(_TICK_S)
                on_tick()
        except BaseException:
            self._stop.set()
            for thread in threads:
                thread.join()
            raise
        if self._failure is not None:
            raise self._failure

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # raised in the thread that called run()
            if self._failure is None:
                self._failure = error
            self._given_up.set()

    def _read_all(self, waiting: Queue[str], pages: _Pipe[Page]) -> None:
        while not self._stop.is_set():
            try:
                partition = waiting.get_nowait()
            except Empty:
                break
            for page in self._read(partition):
                pages.put(page)
                if self._stop.is_set() or self._given_up.is_set():
                    break
        pages.close()

    def _prepare_all(self, pages: _Pipe[Page], batches: _Pipe[Batch]) -> None:
        taken: list[Page] = []
        while (page := pages.get()) is not None:
            if self._stop.is_set():
                continue
            taken.append(page)
            if len(taken) >= _BATCH_PAGES or sum(len(each.items) for each in taken) >= _BATCH_ITEMS:
                batches.put(self._prepare(taken))
                taken = []
        if taken and not self._stop.is_set():
            batches.put(self._prepare(taken))
        batches.close()

    def _write_all(self, batches: _Pipe[Batch]) -> None:
        while (batch := batches.get()) is not None:
            self._write(batch)


def items_in(pages: Sequence[Page]) -> list[Item]:
    """Return the items of pages in their order."""
    return [item for page in pages for item in page.items]
