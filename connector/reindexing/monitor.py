"""Watches a job while it runs: counts, reports progress about once a second, and notices a stop or a cancellation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from connector.errors import JobStoppedError
from connector.reindexing.checkpoint import Checkpoint
from connector.reindexing.items import Counters
from connector.reindexing.reports import Progress, progress_of
from connector.reindexing.writing.bulk_size import BulkSize

CANCEL_REQUESTED = "cancel_requested"
_EVERY_S = 1.0


class Monitor:
    """What one process has done for a job, and how far it is.

    Args:
        checkpoint: the job's.
        stop: set to stop the job; the monitor sets it when somebody cancels the job.
        on_progress: called with the progress about once a second.

    Attributes:
        counters, bulk_size: kept up to date by the stages of the job.
        documents: how many there are to read; None if only reading can tell.
    """

    def __init__(
        self, checkpoint: Checkpoint, stop: threading.Event, on_progress: Callable[[Progress], None] | None = None
    ) -> None:
        self.counters = Counters()
        self.bulk_size = BulkSize()
        self.documents: int | None = None
        self._checkpoint = checkpoint
        self._stop = stop
        self._on_progress = on_progress
        self._began = time.monotonic()
        self._ticked = 0.0
        self._phase = "planning"
        self._done_before = sum(checkpoint.counts().values())

    def enter(self, phase: str) -> None:
        """Begin a phase of the job, and report it at once."""
        self._phase = phase
        self._ticked = 0.0
        self.tick()

    def tick(self) -> None:
        """Report the progress and look for a cancellation, unless that was done within the last second."""
        if time.monotonic() - self._ticked < _EVERY_S:
            return
        self._ticked = time.monotonic()
        if self._checkpoint.get(CANCEL_REQUESTED):
            self._stop.set()
        if self._on_progress is not None:
            self._on_progress(self.progress())

    def progress(self) -> Progress:
        """Return the progress at this moment."""
        return progress_of(
            self._checkpoint.folder.name,
            self._phase,
            self.documents,
            self._done_before,
            self.counters.snapshot(),
            time.monotonic() - self._began,
            (self.bulk_size.count, self.bulk_size.bytes),
        )

    def count_retry(self, error: BaseException) -> None:  # noqa: ARG002
        """Count a call that failed and is retried."""
        self.counters.retries += 1

    def check_stop(self) -> None:
        """Stop here if a stop was requested.

        Raises:
            JobStoppedError: it was.
        """
        if self._stop.is_set():
            raise self.stopped()

    def stopped(self) -> JobStoppedError:
        """Return the error of a stopped job."""
        name = self._checkpoint.folder.name
        return JobStoppedError(f"job {name!r} was stopped; `connector reindex resume {name}` continues it")
