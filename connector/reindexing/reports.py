"""What a job reports: its progress while it runs, and a report at the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from connector.reindexing.checkpoint import DEAD_LETTERS, Checkpoint, State
from connector.reindexing.items import Counters
from connector.reindexing.plan import JobPlan
from connector.reindexing.verifying import Verification


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        job: its name.
        phase: "planning", "loading", "verifying", "switching", "done".
        documents: how many there are to read; None if only reading can tell.
        done: how many are acknowledged, in this process or before.
        counters: what this process did.
        elapsed_s: since this process began.
        docs_per_s: documents read per second by this process.
        encoder_utilisation: the share of the time in which the encoder was working.
        bulk_ms: the mean time of a bulk request.
        eta_s: seconds until everything is read at this rate; None if that is unknown.
        bulk_count, bulk_bytes: the current limits of a bulk request.

    Examples:
        >>> from connector import connect, reindex
        >>> from connector.reindexing import JobOptions, Progress
        >>> def show(progress: Progress) -> None:
        ...     if progress.phase == "done":
        ...         print(progress.done, "documents")
        >>> books = [{"_id": "1", "title": "Emma"}]
        >>> report = reindex(
        ...     connect("embedded:"), books, text_fields=["title"], alias="books", options=JobOptions(on_progress=show)
        ... )
        1 documents
    """

    job: str
    phase: str
    documents: int | None
    done: int
    counters: Counters
    elapsed_s: float
    docs_per_s: float
    encoder_utilisation: float
    bulk_ms: float
    eta_s: float | None
    bulk_count: int
    bulk_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class ReindexReport:
    """What a job did.

    Attributes:
        job: its name, for `rollback` and `retry_dead_letters`.
        target: the new index; None in place.
        alias: the alias that was switched to it; None if none was.
        previous: the index that was served before; it is kept.
        written, without_text, dead_letters: documents of the source, each in one of the three.
        deleted: documents that the source lost while the job ran.
        dead_letters_file: where they are; None if there are none.
        seconds: how long this process took.
        docs_per_s: documents read per second by this process.
        encoder_utilisation: as in `Progress`.
        counters: what this process did.
        verification: what was checked.
        estimate: the estimate made when the job began, as JSON.
        notes: what the job could not see or do, for people.

    Examples:
        >>> from connector import connect, reindex
        >>> books = [{"_id": "1", "title": "Emma"}, {"_id": "2"}]
        >>> report = reindex(connect("embedded:"), books, text_fields=["title"], alias="books")
        >>> report.written, report.without_text, report.dead_letters
        (1, 1, 0)
    """

    job: str
    target: str | None
    alias: str | None
    previous: str | None
    written: int
    without_text: int
    dead_letters: int
    deleted: int
    dead_letters_file: str | None
    seconds: float
    docs_per_s: float
    encoder_utilisation: float
    counters: Counters
    verification: Verification | None
    estimate: dict[str, Any] | None
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class RollbackReport:
    """What a rollback did.

    Attributes:
        job: the job's name.
        alias: the alias that was moved.
        target: the job's index, which is kept but no longer served.
        previous: the index that is served again; None if there was none, and the alias was removed.
        written: documents that only the job's index has.
        deleted: documents that only the previous index has, or if there was none, only the job had written.
        changed: documents that differ between the two.

    Examples:
        >>> from connector import connect, reindex
        >>> from connector.reindexing import rollback
        >>> es, books = connect("http://localhost:9200"), [{"_id": "1", "title": "Emma"}]
        >>> first = reindex(es, books, text_fields=["title"], alias="example-books", job="first")
        >>> second = reindex(es, books, text_fields=["title"], alias="example-books", job="second")
        >>> report = rollback(es, "second")
        >>> report.previous == first.target, report.changed
        (True, 0)
    """

    job: str
    alias: str
    target: str
    previous: str | None
    written: int
    deleted: int
    changed: int


def progress_of(
    job: str,
    phase: str,
    documents: int | None,
    before: int,
    counters: Counters,
    elapsed_s: float,
    bulk: tuple[int, int],
) -> Progress:
    """Calculate the rates of a job.

    Args:
        job, phase, documents, elapsed_s: as in `Progress`.
        before: how many documents were acknowledged before this process began.
        counters: what this process has done.
        bulk: the current limits of a bulk request: its documents and its bytes.
    """
    rate = counters.read / elapsed_s if elapsed_s > 0 else 0.0
    done = before + counters.written + counters.current + counters.without_text + counters.dead
    is_known = documents is not None and rate > 0 and phase == "loading"
    eta_s = max((documents or 0) - before - counters.read, 0) / rate if is_known else None
    return Progress(
        job=job,
        phase=phase,
        documents=documents,
        done=done,
        counters=counters.snapshot(),
        elapsed_s=elapsed_s,
        docs_per_s=rate,
        encoder_utilisation=min(counters.encoding_s / elapsed_s, 1.0) if elapsed_s > 0 else 0.0,
        bulk_ms=counters.bulk_ms / counters.bulks if counters.bulks else 0.0,
        eta_s=eta_s,
        bulk_count=bulk[0],
        bulk_bytes=bulk[1],
    )


def report_of(
    checkpoint: Checkpoint,
    plan: JobPlan,
    progress: Progress,
    verification: Verification | None,
    notes: list[str],
) -> ReindexReport:
    """Return the report of a job that is done.

    Args:
        checkpoint, plan: the job's.
        progress: at the end.
        verification, notes: as in `ReindexReport`.
    """
    counts, counters = checkpoint.counts(), progress.counters
    if counters.kept:
        kept = f"{counters.kept:,} documents without text keep the vectors that they had, which this job did not make"
        notes = [*notes, kept]
    return ReindexReport(
        job=checkpoint.folder.name,
        target=plan.target,
        alias=plan.alias,
        previous=plan.previous,
        written=counts[State.WRITTEN],
        without_text=counts[State.WITHOUT_TEXT],
        dead_letters=counts[State.DEAD],
        deleted=counters.deleted,
        dead_letters_file=str(checkpoint.folder / DEAD_LETTERS) if counts[State.DEAD] else None,
        seconds=progress.elapsed_s,
        docs_per_s=progress.docs_per_s,
        encoder_utilisation=progress.encoder_utilisation,
        counters=counters,
        verification=verification,
        estimate=checkpoint.get("estimate"),
        notes=notes,
    )
