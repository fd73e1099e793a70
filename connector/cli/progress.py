"""Progress bars: on standard error, gone when they are done, absent where nobody looks."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")


def bars(console: Console) -> Progress:
    """A place for progress bars that count."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def counted(items: Iterable[Item], console: Console, what: str, total: int | None = None) -> Iterator[Item]:
    """Pass items on, showing how many have gone; without `total` it counts up."""
    with bars(console) as progress:
        yield from progress.track(items, total=total, description=what)
