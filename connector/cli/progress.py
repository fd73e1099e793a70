"""Progress of long work: a bar on a terminal, which disappears when it is done; elsewhere a line every few seconds."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from typing_extensions import Self

_EVERY_S = 5.0


class PlainLines:
    """Prints a line, but no more than one every few seconds, for logs and pipes.

    Args:
        console: where the lines go.
        clock: returns seconds, which never decrease.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = monotonic) -> None:
        self._console = console
        self._clock = clock
        self._last_s = clock()

    def show(self, line: str) -> None:
        """Print a line, unless one was printed a moment ago."""
        now_s = self._clock()
        if now_s - self._last_s >= _EVERY_S:
            self._last_s = now_s
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class Shown:
    """Shows work as a context: `show` tells how far it is.

    Args:
        console: where it is shown; nothing is shown on a quiet one.
        clock: returns seconds, which never decrease.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = monotonic) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=console.quiet or not console.is_terminal,
        )
        self._lines = None if console.quiet or console.is_terminal else PlainLines(console, clock)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, what: str, done: int, total: int | None = None, told: str | None = None) -> None:
        """Show how far the work is.

        Args:
            what: the work, such as `indexing`.
            done: how many items are done.
            total: how many there are; None if nobody knows.
            told: what is said about it; None: the two numbers.
        """
        of = "" if total is None else f" of {total:,}"
        told = f"{done:,}{of}" if told is None else told
        if self._lines is not None:
            self._lines.show(f"{what}: {told}")
            return
        if self._task is None:
            self._task = self._bars.add_task(what, told=told)
        self._bars.update(self._task, description=what, completed=done, total=total, told=told)
