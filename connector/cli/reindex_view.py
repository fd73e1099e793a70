"""How a reindex job is displayed: a progress bar, JSON lines, and tables at the end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

_MEBI = 1024 * 1024


class Watcher:
    """Shows a job's progress: a bar on a terminal, or JSON lines on standard output."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._as_json = as_json
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=as_json or not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Watcher:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, progress: Any) -> None:
        """Show the job's progress."""
        if self._as_json:
            line = {"event": "progress", "time": time.time(), **progress.to_json()}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
            return
        if self._task is None:
            self._task = self._bars.add_task(progress.phase, told="")
        self._bars.update(
            self._task,
            description=progress.phase,
            completed=progress.done,
            total=progress.documents,
            told=progress_line(progress),
        )


def progress_line(progress: Any) -> str:
    """Return a job's progress as one line."""
    of = f" of {progress.documents:,}" if progress.documents is not None else ""
    parts = [
        f"{progress.done:,}{of}",
        f"{progress.docs_per_s:,.0f} docs/s",
        f"encoder {progress.encoder_utilisation:.0%}",
        f"bulk {progress.bulk_ms:,.0f} ms",
    ]
    if progress.counters.dead:
        parts.append(f"{progress.counters.dead:,} dead letters")
    if progress.counters.retries:
        parts.append(f"{progress.counters.retries:,} retries")
    if progress.eta_s is not None:
        parts.append(f"{duration(progress.eta_s)} left")
    return ", ".join(parts)


def report_table(report: Any) -> Table:
    """Return a table of what a job did, with the estimates."""
    table = Table(title=f"job {report.job}", show_header=False)
    rows: list[tuple[str, str]] = [
        ("new index", report.target or "none: in place"),
        ("alias", f"{report.alias} (before: {report.previous or 'nothing'})" if report.alias else "none"),
        ("documents with vectors", f"{report.written:,}"),
        ("documents without text", f"{report.without_text:,}"),
        ("written, up to date", f"{report.counters.written:,}, {report.counters.current:,}"),
        ("dead letters", f"{report.dead_letters:,} {report.dead_letters_file or ''}".strip()),
        ("deleted during the job", f"{report.deleted:,}"),
        ("changes seen", (report.estimate or {}).get("changes", "unknown")),
        ("texts encoded, cached", f"{report.counters.encoded:,}, {report.counters.cached:,}"),
        ("time", _beside(duration(report.seconds), report.estimate, "seconds", duration)),
        ("documents/s", _beside(f"{report.docs_per_s:,.0f}", report.estimate, "docs_per_s", lambda n: f"{n:,.0f}")),
        ("encoder utilisation", f"{report.encoder_utilisation:.0%}"),
        ("conflicts, retries", f"{report.counters.conflicts:,}, {report.counters.retries:,}"),
    ]
    if report.verification is not None:
        checked = report.verification
        recall = "" if checked.recall is None else f", kNN finds {checked.recall:.0%} of the nearest neighbours"
        rows.append(("verified", f"{checked.documents:,} counted, {checked.sampled} compared{recall}"))
    rows += [("note", note) for note in report.notes]
    for name, value in rows:
        table.add_row(name, value)
    return table


def estimate_table(estimate: Any) -> Table:
    """Return a table of the estimates for a job."""
    table = Table(title=f"estimated from {estimate.sampled} documents", show_header=False)
    unknown = "unknown until it is read"
    rows = [
        ("documents", unknown if estimate.documents is None else f"{estimate.documents:,}"),
        ("documents/s", f"{estimate.docs_per_s:,.0f}"),
        ("time", unknown if estimate.seconds is None else duration(estimate.seconds)),
        ("new index, no replicas", _size(estimate.index_bytes, unknown)),
        ("memory for kNN", _size(estimate.vector_memory_bytes, unknown)),
        ("state directory", _size(estimate.state_bytes, unknown)),
        ("changes seen", estimate.changes),
    ]
    for name, value in rows:
        table.add_row(name, value)
    return table


def status_table(found: Sequence[Any]) -> Table:
    """Return a table of the states of jobs."""
    table = Table("job", "state", "source", "new index", "written", "without text", "dead letters", "stopped because")
    for each in found:
        state = f"{each.state}, running" if each.is_running else each.state
        counts = (f"{each.written:,}", f"{each.without_text:,}", f"{each.dead_letters:,}")
        table.add_row(each.job, state, each.source, each.target or "in place", *counts, each.last_error or "")
    return table


def duration(seconds: float) -> str:
    """Return a readable duration: 3.2 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _beside(value: str, estimate: dict[str, Any] | None, name: str, drawn: Any) -> str:
    thought = (estimate or {}).get(name)
    return f"{value} (estimated: {drawn(thought)})" if thought else value


def _size(size_bytes: int | None, unknown: str) -> str:
    return unknown if size_bytes is None else f"{size_bytes / _MEBI:,.1f} MiB"
