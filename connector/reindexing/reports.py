"""What a job tells: its progress while it runs, and its report at the end. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from connector.reindexing.items import Counters
from connector.reindexing.verifying import Verification


@dataclass(frozen=True)
class Progress:
    """How a job stands.

    Attributes:
        job: its name.
        phase: "planning", "loading", "verifying", "switching", "done".
        documents: how many there are to read; None where only reading tells.
        done: how many are acknowledged, in this process or before.
        counters: what this process did.
        elapsed_s: since this process began.
        docs_per_s: read by this process, a second.
        encoder_utilisation: the share of the time in which the encoder was at work.
        bulk_ms: the mean time of a bulk request.
        eta_s: until everything is read, at this rate; None where that can't be told.
        bulk_count, bulk_bytes: the present limits of a bulk request.

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
        """Return it as JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class ReindexReport:
    """What a job did.

    Attributes:
        job: its name, for `rollback` and `retry_dead_letters`.
        target: the new index; None in place.
        alias: what was switched to it; None where nothing was.
        previous: the index that was served before; it is kept.
        written, without_text, dead_letters: documents of the source, each in one of the three.
        deleted: documents that the source lost while the job ran.
        dead_letters_file: where they are; None when there are none.
        seconds: of this process.
        docs_per_s: documents read by this process, a second.
        encoder_utilisation: as in `Progress`.
        counters: what this process did.
        verification: what was checked.
        estimate: what the calibration said, as JSON.
        notes: what the job could not see or do.

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
        """Return it as JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class RollbackReport:
    """What a rollback did.

    Attributes:
        job: the job's name.
        alias: what was moved.
        target: the job's index, which is kept and no longer served.
        previous: the index that is served again; None: there was none, and the alias is gone.
        written, deleted, changed: documents that only the job's index had, that only the previous one had (or none,
            where none is served again), and that were another document in the two.

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
    """Reckon the rates from what was counted. `before`: acknowledged before this process began."""
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
