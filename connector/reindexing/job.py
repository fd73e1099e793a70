"""A reindex job from its plan to the switch; each step can be repeated, so a job goes on wherever it was cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch

from connector.errors import ConnectorError, EncoderMismatchError, JobStoppedError, ReindexError, VerificationError
from connector.indexing.first_documents import look_ahead
from connector.indexing.vector_field import vector_field_of
from connector.models.encoder import Encoder, Fingerprint
from connector.reindexing.checkpoint import DEAD_LETTERS, Checkpoint, State
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.cluster.retrying import Patience
from connector.reindexing.cluster.switching import (
    add_field,
    check_is_ours,
    create_target,
    is_switched,
    lowered,
    put_settings,
    switch,
    uuid_of,
)
from connector.reindexing.estimating import Estimate, calibrate, first_items
from connector.reindexing.existing_field import field_change
from connector.reindexing.items import Counters, DeadLetter
from connector.reindexing.plan import DELETES_KEPT_S, Plan, Request
from connector.reindexing.planning import make_plan
from connector.reindexing.reading.file_source import RecordSource
from connector.reindexing.reading.index_source import Reader, SliceScan, reader_of
from connector.reindexing.reports import Progress, ReindexReport, progress_of
from connector.reindexing.stages import Stages
from connector.reindexing.texts import check_enough_text
from connector.reindexing.verifying import Verification, Verifier, faults_of_the_dead
from connector.reindexing.writing.bulk_writer import BulkWriter
from connector.reindexing.writing.carrier import Carrier, NewIndex, SameIndex, ServedIndex, Target
from connector.reindexing.writing.deleting import Remover, remove_deleted
from connector.reindexing.writing.own_vectors import OwnVectors
from connector.reindexing.writing.preparing import Preparer
from connector.reindexing.writing.vector_cache import VectorCache

_MOST_PASSES = 10
_EVERY_S = 1.0
_SURELY_KEPT = 0.9
CANCEL_REQUESTED = "cancel_requested"
Records = Callable[[], Any]


class Job:
    """One job in its folder, held by its lock.

    Args:
        client: a sync client.
        checkpoint: the job's, which is empty or says where it was.
        request: what to do.
        encoder: makes the vectors.
        cache_file: where vectors are kept by text; None: nowhere.
        records: opens the documents of a file or an iterable.
        retry_for_s: how long a call may fail before the job stops.
        stop: set by who wants the job to stop.
        on_progress, on_dead_letter: told about once a second; told each dead letter.
    """

    def __init__(
        self,
        client: Elasticsearch,
        checkpoint: Checkpoint,
        request: Request,
        encoder: Encoder,
        *,
        cache_file: Path | None,
        records: Records | None,
        retry_for_s: float,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] | None = None,
        on_dead_letter: Callable[[DeadLetter], None] | None = None,
    ) -> None:
        self.checkpoint = checkpoint
        self.request = request
        self.counters = Counters()
        self._stop = stop
        self._records = records
        self._fingerprint = encoder.fingerprint
        self._on_progress = on_progress
        self._on_dead_letter = on_dead_letter
        self.cluster = Cluster(client, Patience(retry_for_s, stop, self._count_retry))
        self.cache = VectorCache(cache_file, self._fingerprint)
        self.own = OwnVectors(checkpoint, self.cache)
        self._encoder = encoder
        self.writer = BulkWriter(self.cluster, self.counters, request.pipeline)
        self._began = time.monotonic()
        self._told = 0.0
        self._phase = "planning"
        self._documents: int | None = None
        self._before = sum(checkpoint.counts().values())
        self._notes: list[str] = []

    def run(self) -> ReindexReport:
        """Do what is left to do.

        Raises:
            ReindexError: it stopped, and can be resumed.
            EncoderMismatchError: the encoder is another now.
        """
        try:
            return self._run()
        except ConnectorError as error:
            with suppress(ConnectorError):
                self.checkpoint.put(last_error=str(error))
            if self._stop.is_set():
                raise self._stopped() from error
            raise

    def close(self) -> None:
        """Release the file of vectors; the checkpoint is its owner's."""
        self.own.close()
        self.cache.close()

    def _run(self) -> ReindexReport:
        self.checkpoint.cut_dead_letters()
        plan = self.plan()
        self._documents = self._count(plan)
        if self.checkpoint.get("state") == "switching":
            self.checkpoint.put(state="switched" if is_switched(self.cluster, plan) else "verifying")
        verification: Verification | None = None
        estimate = self.checkpoint.get("estimate")
        if self.checkpoint.get("state") in ("planned", "loading", "verifying"):
            self._check_unchanged(plan)
            self._look_ahead()
            reader = self.reader(plan)
            estimate = estimate or self._estimate(plan, reader).to_json()
            self.checkpoint.put(estimate=estimate)
            self._prepare_target(plan)
            self.checkpoint.put(state="loading")
            self._load(plan, reader)
            verification = self._verify(plan)
            if plan.target is not None:
                self._close_the_gap(plan)
                counts = self.checkpoint.counts()
                check_enough_text(counts[State.WRITTEN], counts[State.WITHOUT_TEXT], self.request)
                self._enter("switching")
                self.checkpoint.put(state="switching", switching_at=time.time())
                switch(self.cluster, plan)
            self.checkpoint.put(state="switched")
        if self.checkpoint.get("state") == "switched":
            if plan.alias is not None and plan.indices:
                self._catch_up(plan)
            if plan.target is not None and plan.done:
                put_settings(self.cluster, plan.target, plan.done)
            self.checkpoint.put(state="done", finished=time.time(), last_error=None)
        self.checkpoint.rewrite_dead_letters()
        self._enter("done")
        report = self._report(plan, verification, estimate)
        self.checkpoint.put(report=report.to_json())
        return report

    def plan(self) -> Plan:
        """Return the plan that was kept, or make and keep one."""
        if (kept := self.checkpoint.get("plan")) is not None:
            held = Fingerprint.from_meta(self.checkpoint.get("encoder"))
            if different := held.differences(self._fingerprint):
                raise EncoderMismatchError(
                    f"job {self.checkpoint.folder.name!r} began with encoder {held.name!r}; this one differs in "
                    f"{', '.join(different)}. Resume it with the encoder that it began with"
                )
            return self._followed(Plan.from_json(kept))
        plan = make_plan(self.cluster, self.request, self._fingerprint)
        self.checkpoint.put(
            plan=plan.to_json(),
            request=self.request.to_json(),
            encoder=self._fingerprint.to_meta(),
            started=time.time(),
            state="planned",
        )
        return self._followed(plan)

    def _followed(self, plan: Plan) -> Plan:
        """Have documents read and written as the plan says: their text is under the names that it found."""
        self.request = plan.read_by(self.request)
        asked = self.request
        self.field = vector_field_of(asked.text_fields, asked.vector_field, asked.passages, self._encoder)
        self.preparer = Preparer(self._encoder, self.field, self.cache, self.counters, self._stop)
        return plan

    def _look_ahead(self) -> None:
        """Look at the first documents of a file or an iterable, before anything is made for them."""
        if self._records is not None and self.request.kind != "index" and not self.checkpoint.positions():
            file = self.request.source if self.request.kind == "file" else None
            self._records = look_ahead(self._records, self.request.text_fields, self.request.id_field, file)

    def reader(self, plan: Plan) -> Reader:
        """Choose how the source is read."""
        if self.request.kind == "index":
            return reader_of(self.cluster, plan.names())
        assert self._records is not None
        return RecordSource(self._records, self.request.id_field)

    def estimate(self) -> Estimate:
        """Return what the job would take, changing nothing on the cluster."""
        plan = self._followed(make_plan(self.cluster, self.request, self._fingerprint))
        if self.request.kind == "file":  # an iterable may be read once only
            self._look_ahead()
        return self._estimate(plan, self.reader(plan))

    def carrier(self, plan: Plan) -> Carrier:
        """Return what brings documents to the target, as the target now is."""
        return Carrier(
            self.cluster,
            self.checkpoint,
            self.preparer,
            self.writer,
            self._target(plan),
            self.counters,
            self._on_dead_letter,
        )

    def _target(self, plan: Plan) -> Target:
        written = plan.names() if plan.target is None else [plan.target]
        rewriting = frozenset(name for name in written if self.cluster.rewrites(name))
        if plan.target is None:
            return SameIndex(self.field, self.own, self.counters, rewriting)
        state = self.checkpoint.get("state")
        is_served = state in ("switched", "done")
        remover = Remover(self.cluster, plan, self.checkpoint, self.writer, is_served=is_served)
        if not is_served:
            return NewIndex(plan, self.field, remover, rewriting)
        until = None
        if state == "switched" and plan.moves_the_source():
            until = self.checkpoint.get("switching_at", 0.0) + DELETES_KEPT_S * _SURELY_KEPT
        return ServedIndex(self.cluster, plan, self.field, remover, until, rewriting)

    def _check_unchanged(self, plan: Plan) -> None:
        for index, uuid in plan.indices:
            if (found := uuid_of(self.cluster, index)) != uuid:
                what = "was deleted and made again" if found else "is gone"
                raise ReindexError(f"source index {index!r} {what} since the job began; cancel the job and start anew")

    def _prepare_target(self, plan: Plan) -> None:
        if plan.target is None:
            for index, body in self.cluster.describe(self.request.source).items():
                add_field(
                    self.cluster,
                    index,
                    field_change(body["mappings"], self.request, self._fingerprint, self.cluster.engine.dialect),
                )
        elif (uuid := self.checkpoint.get("target_uuid")) is None:
            self.checkpoint.put(target_uuid=create_target(self.cluster, plan))
        else:
            check_is_ours(self.cluster, plan.target, uuid)

    def _load(self, plan: Plan, reader: Reader) -> None:
        with lowered(self.cluster, plan):
            self._passes(plan, reader)

    def _passes(self, plan: Plan, reader: Reader) -> None:
        """Read until nothing is left that was written meanwhile, or it is little that comes again and again."""
        self._enter("loading")
        try:
            for _ in range(_MOST_PASSES):
                self._pass(plan, reader)
                if not reader.is_behind(self.checkpoint.positions()):
                    break
            else:
                if isinstance(reader, SliceScan):
                    raise ReindexError("points in time lapsed again and again; see why (node restarts?), then resume")
        finally:
            reader.close()
        if self._may_hold_deleted(plan, reader):
            self.counters.deleted += remove_deleted(
                self.cluster, plan, self.checkpoint, self._target(plan).take_out, is_stopped=self._stop.is_set
            )
        self._check_stop()

    def _may_hold_deleted(self, plan: Plan, reader: Reader) -> bool:
        """True if the ids must be compared: not if as many documents are known as are there, and all are known."""
        if self.checkpoint.announced():
            return True
        known = sum(self.checkpoint.counts().values())
        return bool(plan.indices) and (
            known != self._count(plan)
            or (self.checkpoint.get("state") == "switched" and reader.is_behind(self.checkpoint.positions()))
        )

    def _pass(self, plan: Plan, reader: Reader) -> None:
        partitions = reader.partitions()
        positions = self.checkpoint.positions()
        carrier = self.carrier(plan)
        stages = Stages(
            lambda partition: reader.pages(partition, positions.get(partition)),
            carrier.prepare,
            carrier.write,
            self._stop,
            self.request.readers,
        )
        stages.run(partitions, self._tick)
        self._check_stop()

    def _verify(self, plan: Plan) -> Verification:
        self._enter("verifying")
        self.checkpoint.put(state="verifying")
        return self._checked(plan, Verifier.verify)

    def _checked(self, plan: Plan, check: Callable[[Verifier], Verification]) -> Verification:
        for index in [plan.target] if plan.target else plan.names():
            self.cluster.refresh(index)
        if plan.target is not None:
            check_is_ours(self.cluster, plan.target, self.checkpoint.get("target_uuid"))
        verifier = Verifier(
            self.cluster, plan, self.request, self.checkpoint, self.field, self.cache, self._fingerprint
        )
        found = check(verifier) if self.request.verify else Verification()
        found.failures[:0] = faults_of_the_dead(self.checkpoint, self.request)
        if found.failures:
            raise VerificationError(
                f"the new index was not switched to: {'; '.join(found.failures[:5])}"
                + (f"; and {len(found.failures) - 5} more" if len(found.failures) > 5 else "")
            )
        return found

    def _close_the_gap(self, plan: Plan) -> None:
        """Bring over what was written during the verification, so that the moment of the switch is short."""
        if plan.indices and (reader := self.reader(plan)).is_cheap_again:
            self._passes(plan, reader)
            self._checked(plan, Verifier.count)

    def _catch_up(self, plan: Plan) -> None:
        """Bring over what was written to the old index until the switch; what was written to the new one since wins."""
        if any(uuid_of(self.cluster, index) != uuid for index, uuid in plan.indices):
            self._notes.append(
                "the old index is gone: what was written to it in the moment of the switch can't be seen"
            )
            return
        assert plan.target is not None
        check_is_ours(self.cluster, plan.target, self.checkpoint.get("target_uuid"))
        target = self._target(plan)
        assert isinstance(target, ServedIndex)
        target.acknowledge_announced(self.checkpoint)
        self._passes(plan, self.reader(plan))
        self.cluster.refresh(plan.target)
        if self.counters.left:
            self._notes.append(
                f"{self.counters.left} documents were written to the old index as the alias moved, and to the new one "
                "or deleted from it since: what was done to the new one counts"
            )

    def _estimate(self, plan: Plan, reader: Reader) -> Estimate:
        sample = [] if self.request.kind == "iterable" else first_items(reader)  # an iterable may be read once only
        size = sum(self.cluster.store_bytes(name) for name in plan.names())
        dims = self._fingerprint.dims
        return calibrate(sample, self.preparer.prepare, dims, self._count(plan), size, reader.sees)

    def _count(self, plan: Plan) -> int | None:
        return sum(self.cluster.count(name) for name in plan.names()) if plan.indices else None

    def _report(self, plan: Plan, verification: Verification | None, estimate: Any) -> ReindexReport:
        counts = self.checkpoint.counts()
        now = progress_of(*self._measured())
        if self.counters.kept:
            self._notes.append(
                f"{self.counters.kept:,} documents without text keep the vectors that they had, which this job did "
                "not make"
            )
        return ReindexReport(
            job=self.checkpoint.folder.name,
            target=plan.target,
            alias=plan.alias,
            previous=next(iter(plan.alias_before), None),
            written=counts[State.WRITTEN],
            without_text=counts[State.WITHOUT_TEXT],
            dead_letters=counts[State.DEAD],
            deleted=self.counters.deleted,
            dead_letters_file=str(self.checkpoint.folder / DEAD_LETTERS) if counts[State.DEAD] else None,
            seconds=now.elapsed_s,
            docs_per_s=now.docs_per_s,
            encoder_utilisation=now.encoder_utilisation,
            counters=now.counters,
            verification=verification,
            estimate=estimate,
            notes=self._notes,
        )

    def _enter(self, phase: str) -> None:
        self._phase = phase
        self._told = 0.0
        self._tick()

    def _tick(self) -> None:
        """Tell how it stands, and look whether somebody cancelled; about once a second."""
        if time.monotonic() - self._told < _EVERY_S:
            return
        self._told = time.monotonic()
        if self.checkpoint.get(CANCEL_REQUESTED):
            self._stop.set()
        if self._on_progress is not None:
            self._on_progress(progress_of(*self._measured()))

    def _measured(self) -> tuple[str, str, int | None, int, Counters, float, tuple[int, int]]:
        elapsed_s = time.monotonic() - self._began
        size = (self.writer.size.count, self.writer.size.bytes)
        name = self.checkpoint.folder.name
        return name, self._phase, self._documents, self._before, self.counters.snapshot(), elapsed_s, size

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise self._stopped()

    def _stopped(self) -> JobStoppedError:
        name = self.checkpoint.folder.name
        return JobStoppedError(f"job {name!r} was stopped; `connector reindex resume {name}` goes on from there")

    def _count_retry(self, error: BaseException) -> None:  # noqa: ARG002
        self.counters.retries += 1
