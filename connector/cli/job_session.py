"""A reindex job run from the command line: it shows progress, stops cleanly on a signal, and ends with an exit code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from connector.cli.connection import Connection
from connector.cli.interruption import exit_code_of, handled
from connector.cli.problem import CommandError
from connector.cli.problems import problem_of
from connector.cli.reindex_view import Watcher


@contextmanager
def job_session(
    connection: Connection,
    state: Path | None,
    as_json: bool,
    metrics_port: int | None,
    retry_for: float,
    *,
    keep_vectors: bool = True,
) -> Iterator[tuple[Any, Any]]:
    """Provide a client and the `JobOptions` of a job that shows progress and that a signal stops cleanly."""
    from connector import reindexing as jobs

    connection.refuse_memory()
    with ExitStack() as stack:
        stop = threading.Event()
        signals = stack.enter_context(_stop_on_signal(stop))
        watcher = stack.enter_context(Watcher(Console(stderr=True, quiet=as_json), as_json=as_json))
        listeners: list[Callable[[Any], None]] = [watcher.show_job]
        if metrics_port is not None:
            from connector.reindexing.metrics import serve_metrics

            listeners.append(stack.enter_context(serve_metrics(metrics_port)).show)
        client = stack.enter_context(connection.open())
        stack.enter_context(_code_of_signal(signals))

        def show(progress: Any) -> None:
            for listener in listeners:
                listener(progress)

        yield (
            client,
            jobs.JobOptions(
                state=state, retry_for_s=retry_for, keeps_vectors=keep_vectors, stop=stop, on_progress=show
            ),
        )


@contextmanager
def _code_of_signal(signals: list[signal.Signals]) -> Iterator[None]:
    """Let a job that a signal stopped end with the exit code 128 plus the signal's number."""
    from connector.errors import ReindexError

    try:
        yield
    except ReindexError as error:
        problem = problem_of(error)
        if problem is None or not signals:
            raise
        raise CommandError(replace(problem, exit_code=exit_code_of(signals))) from error


@contextmanager
def _stop_on_signal(stop: threading.Event) -> Iterator[list[signal.Signals]]:
    """Set `stop` on the first SIGINT or SIGTERM, and interrupt on the second; provide the list of those received."""
    received: list[signal.Signals] = []

    def handle(number: signal.Signals) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        stop.set()

    with handled(handle):
        yield received
