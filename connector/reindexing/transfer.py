"""Brings documents from a job's source to its target, pass by pass, until nothing is left to bring over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from connector.errors import ReindexError
from connector.indexing.vector_field import VectorLayout
from connector.reindexing.checkpoint import Checkpoint
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.items import DeadLetter
from connector.reindexing.monitor import Monitor
from connector.reindexing.plan import DELETES_KEPT_S, JobPlan
from connector.reindexing.reading.index_source import Reader, SliceScan
from connector.reindexing.request import JobRequest
from connector.reindexing.stages import Stages
from connector.reindexing.writing.bulk_writer import BulkWriter
from connector.reindexing.writing.carrier import Carrier
from connector.reindexing.writing.deleting import Remover, remove_deleted
from connector.reindexing.writing.destinations import Destination, NewIndex, SameIndex, ServedIndex
from connector.reindexing.writing.own_vectors import OwnVectors
from connector.reindexing.writing.preparing import Preparer

_MOST_PASSES = 10
_SURELY_KEPT = 0.9


@dataclass(frozen=True)
class Transfer:
    """The transfer of one job.

    Attributes:
        cluster, checkpoint, plan, monitor: the job's.
        request: with the text fields that `_source` has.
        layout: how vectors are stored in a document.
        preparer, writer: make vectors, and write documents.
        own: recognises the job's own vectors.
        stop: set to stop the job.
        on_dead_letter: called with each dead letter once it is acknowledged.
    """

    cluster: Cluster
    checkpoint: Checkpoint
    plan: JobPlan
    request: JobRequest
    layout: VectorLayout
    preparer: Preparer
    writer: BulkWriter
    own: OwnVectors
    monitor: Monitor
    stop: threading.Event
    on_dead_letter: Callable[[DeadLetter], None] | None = None

    def run(self, reader: Reader) -> None:
        """Read until nothing new is found, or only a few documents that keep changing; then remove what was deleted.

        Raises:
            ReindexError: points in time expire faster than they can be read.
            JobStoppedError: a stop was requested.
        """
        self.monitor.enter("loading")
        try:
            for _ in range(_MOST_PASSES):
                self._pass(reader)
                if not reader.is_behind(self.checkpoint.positions()):
                    break
            else:
                if isinstance(reader, SliceScan):
                    raise ReindexError("points in time keep expiring; find out why (node restarts?), then resume")
        finally:
            reader.close()
        if self._may_hold_deleted(reader):
            take_out = self.destination().take_out
            self.monitor.counters.deleted += remove_deleted(
                self.cluster, self.plan, self.checkpoint, take_out, is_stopped=self.stop.is_set
            )
        self.monitor.check_stop()

    def carrier(self) -> Carrier:
        """Return what carries documents to the target as it is now."""
        return Carrier(
            self.cluster,
            self.checkpoint,
            self.preparer,
            self.writer,
            self.destination(),
            self.monitor.counters,
            self.on_dead_letter,
        )

    def destination(self) -> Destination:
        """Return the destination: the source itself, the new index, or the new index once it is served."""
        plan, state = self.plan, self.checkpoint.get("state")
        rewriting = frozenset(name for name in plan.written_indices() if self.cluster.rewrites(name))
        if plan.target is None:
            return SameIndex(self.layout, self.own, self.monitor.counters, rewriting)
        is_served = state in ("switched", "done")
        remover = Remover(self.cluster, plan, self.checkpoint, self.writer, is_served=is_served)
        if not is_served:
            return NewIndex(plan, self.layout, remover, rewriting)
        until = None
        if state == "switched" and plan.moves_the_source():
            until = self.checkpoint.get("switching_at", 0.0) + DELETES_KEPT_S * _SURELY_KEPT
        return ServedIndex(self.cluster, plan, self.layout, remover, until, rewriting)

    def count(self) -> int | None:
        """Count the documents of the source; None if only reading can tell."""
        return sum(self.cluster.count(name) for name in self.plan.names()) if self.plan.indices else None

    def refresh(self) -> None:
        """Make all that was written visible to searches."""
        for index in self.plan.written_indices():
            self.cluster.refresh(index)

    def _pass(self, reader: Reader) -> None:
        partitions = reader.partitions()
        positions = self.checkpoint.positions()
        carrier = self.carrier()
        stages = Stages(
            lambda partition: reader.pages(partition, positions.get(partition)),
            carrier.prepare,
            carrier.write,
            self.stop,
            self.request.readers,
        )
        stages.run(partitions, self.monitor.tick)
        self.monitor.check_stop()

    def _may_hold_deleted(self, reader: Reader) -> bool:
        """True if ids must be compared: unless all documents of the source are known and nothing else is."""
        if self.checkpoint.announced():
            return True
        known = sum(self.checkpoint.counts().values())
        return bool(self.plan.indices) and (
            known != self.count()
            or (self.checkpoint.get("state") == "switched" and reader.is_behind(self.checkpoint.positions()))
        )
