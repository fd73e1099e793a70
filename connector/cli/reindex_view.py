"""How a reindex job is displayed: its progress, and tables at the end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from connector.cli.progress import Shown

_MEBI = 1024 * 1024


class Watcher(Shown):
    """Shows a job's progress: see `Shown`, or as JSON lines on standard output."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        super().__init__(console)
        self._as_json = as_json

    def show_job(self, progress: Any) -> None:
        """Show the job's progress."""
        if self._as_json:
            line = {"event": "progress", "time": time.time(), **progress.to_json()}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
        else:
            self.show(progress.phase, progress.done, progress.documents, progress_line(progress))


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


def status_text(found: Sequence[Any]) -> str:
    """Return the states of jobs, each in a paragraph of lines that are never cut."""
    return "\n\n".join("\n  ".join(_status_lines(each)) for each in found) if found else "no jobs"


def _status_lines(status: Any) -> list[str]:
    lines = [
        f"{status.job}: {status.state}{', running' if status.is_running else ''}",
        f"{status.source}, {f'to {status.target}' if status.target else 'in place'}",
        f"{status.written:,} written, {status.without_text:,} without text, {status.dead_letters:,} dead letters",
    ]
    return [*lines, f"stopped because: {status.last_error}"] if status.last_error else lines


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
