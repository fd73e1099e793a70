"""A reindex job from its plan to the switch; every step can be repeated, so a job resumes wherever it was cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from elasticsearch import Elasticsearch

from connector.errors import ConnectorError, EncoderMismatchError, VerificationError
from connector.indexing.first_documents import look_ahead
from connector.indexing.vector_field import vector_layout_of
from connector.models.encoder import Encoder, Fingerprint
from connector.reindexing.checkpoint import Checkpoint, State
from connector.reindexing.cluster.cluster import Cluster
from connector.reindexing.cluster.retrying import Patience
from connector.reindexing.cluster.switching import (
    add_field,
    check_unchanged,
    create_target,
    is_switched,
    lower_settings,
    put_settings,
    switch,
    uuid_of,
)
from connector.reindexing.estimating import Estimate, calibrate, first_items
from connector.reindexing.existing_field import field_change
from connector.reindexing.items import DeadLetter
from connector.reindexing.monitor import Monitor
from connector.reindexing.plan import JobPlan
from connector.reindexing.planning import plan_job
from connector.reindexing.reading.file_source import RecordSource
from connector.reindexing.reading.index_source import Reader, reader_of
from connector.reindexing.reports import Progress, ReindexReport, report_of
from connector.reindexing.request import JobRequest, Records
from connector.reindexing.texts import check_enough_text
from connector.reindexing.transfer import Transfer
from connector.reindexing.verifying import Verification, Verifier, dead_letter_faults
from connector.reindexing.writing.bulk_writer import BulkWriter
from connector.reindexing.writing.destinations import ServedIndex
from connector.reindexing.writing.own_vectors import OwnVectors
from connector.reindexing.writing.preparing import Preparer
from connector.reindexing.writing.vector_cache import VectorCache


class Job:
    """One job in its folder, whose lock the caller holds.

    Args:
        client: a sync client.
        checkpoint: the job's: empty, or as an earlier process left it.
        request: what to do.
        encoder: makes the vectors.
        cache_file: where vectors are kept by text; None: nowhere.
        records: opens the documents of a file or an iterable.
        retry_for_s: how long a call may fail before the job stops.
        stop: set to stop the job.
        on_progress: called about once a second.
        on_dead_letter: called with each dead letter.
    """

    def __init__(
        self,
        client: Elasticsearch,
        checkpoint: Checkpoint,
        request: JobRequest,
        encoder: Encoder,
        *,
        cache_file: Path | None,
        records: Records,
        retry_for_s: float,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] | None = None,
        on_dead_letter: Callable[[DeadLetter], None] | None = None,
    ) -> None:
        self.checkpoint = checkpoint
        self._request = request
        self._encoder = encoder
        self._records = records
        self._stop = stop
        self._on_dead_letter = on_dead_letter
        self._monitor = Monitor(checkpoint, stop, on_progress)
        self._cluster = Cluster(client, Patience(retry_for_s, stop, self._monitor.count_retry))
        self._cache = VectorCache(cache_file, encoder.fingerprint)
        self._own = OwnVectors(checkpoint, self._cache)
        self._notes: list[str] = []

    def run(self) -> ReindexReport:
        """Do what is left to do.

        Raises:
            ReindexError: the job stopped, and can be resumed.
            EncoderMismatchError: the job began with another encoder.
        """
        try:
            return self._run()
        except ConnectorError as error:
            with suppress(ConnectorError):
                self.checkpoint.put(last_error=str(error))
            if self._stop.is_set():
                raise self._monitor.stopped() from error
            raise

    def estimate(self) -> Estimate:
        """Estimate what the job would take, without changing anything on the cluster."""
        transfer = self._transfer(plan_job(self._cluster, self._request, self._encoder.fingerprint))
        if self._request.kind == "file":  # an iterable may be readable only once
            self._look_ahead(transfer.request)
        return self._estimate(transfer, self._reader(transfer.plan))

    def transfer(self) -> Transfer:
        """Return the transfer that follows the stored plan; without one, plan the job and store the plan.

        Raises:
            EncoderMismatchError: the job began with another encoder.
        """
        fingerprint = self._encoder.fingerprint
        if (stored := self.checkpoint.get("plan")) is not None:
            before = Fingerprint.from_meta(self.checkpoint.get("encoder"))
            if different := before.differences(fingerprint):
                raise EncoderMismatchError(
                    f"job {self.checkpoint.folder.name!r} began with encoder {before.name!r}; this one differs in "
                    f"{', '.join(different)}. Resume it with the encoder that it began with"
                )
            return self._transfer(JobPlan.from_json(stored))
        plan = plan_job(self._cluster, self._request, fingerprint)
        self.checkpoint.put(
            plan=plan.to_json(),
            request=self._request.to_json(),
            encoder=fingerprint.to_meta(),
            started=time.time(),
            state="planned",
        )
        return self._transfer(plan)

    def close(self) -> None:
        """Release the file of vectors; the caller closes the checkpoint."""
        self._own.close()
        self._cache.close()

    def _transfer(self, plan: JobPlan) -> Transfer:
        request = self._request.with_sources(plan.sources)
        layout = vector_layout_of(request.text_fields, request.vector_field, request.passages, self._encoder)
        counters = self._monitor.counters
        return Transfer(
            self._cluster,
            self.checkpoint,
            plan,
            request,
            layout,
            Preparer(self._encoder, layout, self._cache, counters, self._stop),
            BulkWriter(self._cluster, counters, request.pipeline, self._monitor.bulk_size),
            self._own,
            self._monitor,
            self._stop,
            self._on_dead_letter,
        )

    def _run(self) -> ReindexReport:
        self.checkpoint.cut_dead_letters()
        transfer = self.transfer()
        plan = transfer.plan
        self._monitor.documents = transfer.count()
        if self.checkpoint.get("state") == "switching":
            self.checkpoint.put(state="switched" if is_switched(self._cluster, plan) else "verifying")
        verification: Verification | None = None
        if self.checkpoint.get("state") in ("planned", "loading", "verifying"):
            self._load(transfer)
            verification = self._verify(transfer)
            if plan.target is not None:
                self._switch(transfer)
            self.checkpoint.put(state="switched")
        if self.checkpoint.get("state") == "switched":
            if plan.alias is not None and plan.indices:
                self._catch_up(transfer)
            if plan.target is not None and plan.done:
                put_settings(self._cluster, plan.target, plan.done)
            self.checkpoint.put(state="done", finished=time.time(), last_error=None)
        self.checkpoint.rewrite_dead_letters()
        self._monitor.enter("done")
        report = report_of(self.checkpoint, plan, self._monitor.progress(), verification, self._notes)
        self.checkpoint.put(report=report.to_json())
        return report

    def _load(self, transfer: Transfer) -> None:
        """Prepare the target and load it."""
        for index, uuid in transfer.plan.indices:
            check_unchanged(self._cluster, index, uuid)
        self._look_ahead(transfer.request)
        reader = self._reader(transfer.plan)
        if not self.checkpoint.get("estimate"):
            self.checkpoint.put(estimate=self._estimate(transfer, reader).to_json())
        self._prepare_target(transfer.plan, transfer.request)
        self.checkpoint.put(state="loading")
        with lower_settings(self._cluster, transfer.plan):
            transfer.run(reader)

    def _look_ahead(self, request: JobRequest) -> None:
        """Check the first documents of a file or an iterable before anything is created for them."""
        if request.kind != "index" and not self.checkpoint.positions():
            file = request.source if request.kind == "file" else None
            self._records = look_ahead(self._records, request.text_fields, request.id_field, file)

    def _reader(self, plan: JobPlan) -> Reader:
        if self._request.kind == "index":
            return reader_of(self._cluster, plan.names())
        return RecordSource(self._records, self._request.id_field)

    def _prepare_target(self, plan: JobPlan, request: JobRequest) -> None:
        if plan.target is None:
            dialect, fingerprint = self._cluster.engine.dialect, self._encoder.fingerprint
            for index, body in self._cluster.describe(request.source).items():
                add_field(self._cluster, index, field_change(body["mappings"], request, fingerprint, dialect))
        elif (uuid := self.checkpoint.get("target_uuid")) is None:
            self.checkpoint.put(target_uuid=create_target(self._cluster, plan))
        else:
            check_unchanged(self._cluster, plan.target, uuid)

    def _verify(self, transfer: Transfer) -> Verification:
        self._monitor.enter("verifying")
        self.checkpoint.put(state="verifying")
        return self._checked(transfer, Verifier.verify)

    def _checked(self, transfer: Transfer, check: Callable[[Verifier], Verification]) -> Verification:
        plan, request = transfer.plan, transfer.request
        transfer.refresh()
        if plan.target is not None:
            check_unchanged(self._cluster, plan.target, self.checkpoint.get("target_uuid"))
        fingerprint = self._encoder.fingerprint
        verifier = Verifier(
            self._cluster, plan, request, self.checkpoint, transfer.layout, self._cache, fingerprint.dims
        )
        found = check(verifier) if request.verify else Verification()
        found.failures[:0] = dead_letter_faults(self.checkpoint, request)
        if found.failures:
            raise VerificationError(
                f"the new index was not switched to: {'; '.join(found.failures[:5])}"
                + (f"; and {len(found.failures) - 5} more" if len(found.failures) > 5 else "")
            )
        return found

    def _switch(self, transfer: Transfer) -> None:
        """Bring over what was written during the verification, which is little, and switch the alias."""
        plan = transfer.plan
        if plan.indices and (reader := self._reader(plan)).is_cheap_again:
            transfer.run(reader)
            self._checked(transfer, Verifier.count)
        counts = self.checkpoint.counts()
        check_enough_text(counts[State.WRITTEN], counts[State.WITHOUT_TEXT], transfer.request)
        self._monitor.enter("switching")
        self.checkpoint.put(state="switching", switching_at=time.time())
        switch(self._cluster, plan)

    def _catch_up(self, transfer: Transfer) -> None:
        """Bring over what was written to the old index until the switch; later writes to the new index win."""
        plan = transfer.plan
        if any(uuid_of(self._cluster, index) != uuid for index, uuid in plan.indices):
            self._notes.append("the old index is gone: writes to it at the moment of the switch can't be seen")
            return
        assert plan.target is not None
        check_unchanged(self._cluster, plan.target, self.checkpoint.get("target_uuid"))
        destination = transfer.destination()
        assert isinstance(destination, ServedIndex)
        destination.acknowledge_announced(self.checkpoint)
        transfer.run(self._reader(plan))
        self._cluster.refresh(plan.target)
        if left := self._monitor.counters.left:
            self._notes.append(
                f"{left} documents were written to the old index as the alias moved, and written to the new one or "
                "deleted from it since: what was done to the new one counts"
            )

    def _estimate(self, transfer: Transfer, reader: Reader) -> Estimate:
        # an iterable may be readable only once
        sample = [] if self._request.kind == "iterable" else first_items(reader)
        size_bytes = sum(self._cluster.store_bytes(name) for name in transfer.plan.names())
        dims = self._encoder.fingerprint.dims
        return calibrate(sample, transfer.preparer.prepare, dims, transfer.count(), size_bytes, reader.sees)
